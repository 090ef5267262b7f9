//! What a person is told of mistakes in etcd's contents, on real servers: error, status, log.

mod prefixes;
mod values;
