//! What etcd-config promises, on real etcd servers.

#[path = "e2e/harness.rs"]
mod harness;
#[path = "e2e/history.rs"]
mod history;
#[path = "e2e/proxy.rs"]
mod proxy;
#[path = "e2e/v3_calls.rs"]
mod v3_calls;
#[path = "e2e/v3_failover.rs"]
mod v3_failover;
