//! What etcd-config promises, on real etcd servers.

#[path = "e2e/harness.rs"]
mod harness;
