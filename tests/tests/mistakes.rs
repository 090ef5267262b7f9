//! What a person is told of mistakes in etcd's contents, on real servers: error, status, log.

#[path = "mistakes/log.rs"]
mod log;
#[path = "mistakes/prefixes.rs"]
mod prefixes;
#[path = "mistakes/values.rs"]
mod values;
