//! The command line of etcd-config: as a person at a terminal, and as a script, use it.

mod helper;
mod person;
mod script;
mod terminal;
mod watching;
