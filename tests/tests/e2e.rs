//! What etcd-config promises, on real etcd servers.

#[path = "e2e/harness.rs"]
mod harness;
#[path = "e2e/history.rs"]
mod history;
#[path = "e2e/proxy.rs"]
mod proxy;
#[path = "e2e/v3_access.rs"]
mod v3_access;
#[path = "e2e/v3_calls.rs"]
mod v3_calls;
#[path = "e2e/v3_cluster.rs"]
mod v3_cluster;
#[path = "e2e/v3_failover.rs"]
mod v3_failover;
#[path = "e2e/v3_store.rs"]
mod v3_store;
#[path = "e2e/v3_tls.rs"]
mod v3_tls;
