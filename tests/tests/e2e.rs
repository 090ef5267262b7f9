//! What etcd-config promises, on real etcd servers.

#[path = "e2e/harness.rs"]
mod harness;
#[path = "e2e/proxy.rs"]
mod proxy;
