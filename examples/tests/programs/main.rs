//! The examples, as the programs that they are.

mod http;
mod in_memory;
mod on_servers;
mod program;
mod service;
