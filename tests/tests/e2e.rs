//! What the clients and the configuration promise, on real etcd servers.

#[path = "e2e/abandoned.rs"]
mod abandoned;
#[path = "e2e/any_store.rs"]
mod any_store;
#[path = "e2e/callbacks.rs"]
mod callbacks;
#[path = "e2e/compaction.rs"]
mod compaction;
#[path = "e2e/credentials.rs"]
mod credentials;
#[path = "e2e/credentials_v2.rs"]
mod credentials_v2;
#[path = "e2e/early.rs"]
mod early;
#[path = "e2e/endpoints.rs"]
mod endpoints;
#[path = "e2e/failing_endpoints.rs"]
mod failing_endpoints;
#[path = "e2e/failover.rs"]
mod failover;
#[path = "e2e/fork.rs"]
mod fork;
#[path = "e2e/frames.rs"]
mod frames;
#[path = "e2e/gap.rs"]
mod gap;
#[path = "e2e/grants.rs"]
mod grants;
#[path = "e2e/grpc_proxy.rs"]
mod grpc_proxy;
#[path = "e2e/harness.rs"]
mod harness;
#[path = "e2e/hidden_keys.rs"]
mod hidden_keys;
#[path = "e2e/lagging.rs"]
mod lagging;
#[path = "e2e/large.rs"]
mod large;
#[path = "e2e/leases.rs"]
mod leases;
#[path = "e2e/limits.rs"]
mod limits;
#[path = "e2e/log_records.rs"]
mod log_records;
#[path = "e2e/misdirected.rs"]
mod misdirected;
#[path = "e2e/network.rs"]
mod network;
#[path = "e2e/offline.rs"]
mod offline;
#[path = "e2e/outage.rs"]
mod outage;
#[path = "e2e/prefixes.rs"]
mod prefixes;
#[path = "e2e/provider.rs"]
mod provider;
#[path = "e2e/proxy.rs"]
mod proxy;
#[path = "e2e/quorum.rs"]
mod quorum;
#[path = "e2e/quorum_v2.rs"]
mod quorum_v2;
#[path = "e2e/reload.rs"]
mod reload;
#[path = "e2e/rewind.rs"]
mod rewind;
#[path = "e2e/rolling.rs"]
mod rolling;
#[path = "e2e/silent.rs"]
mod silent;
#[path = "e2e/slow.rs"]
mod slow;
#[path = "e2e/stranger.rs"]
mod stranger;
#[path = "e2e/streams.rs"]
mod streams;
#[path = "e2e/tls.rs"]
mod tls;
#[path = "e2e/transaction.rs"]
mod transaction;
#[path = "e2e/upkeep.rs"]
mod upkeep;
#[path = "e2e/v2_conformance.rs"]
mod v2_conformance;
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
