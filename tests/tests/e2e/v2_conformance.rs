//! What the v2 client must do, case by case, on each line of servers that speaks v2. The names of
//! the tests begin with the cases' ids.

#[path = "v2_conformance/access.rs"]
mod access;
#[path = "v2_conformance/blocking.rs"]
mod blocking;
#[path = "v2_conformance/busy.rs"]
mod busy;
#[path = "v2_conformance/cancel.rs"]
mod cancel;
#[path = "v2_conformance/cluster.rs"]
mod cluster;
#[path = "v2_conformance/compare.rs"]
mod compare;
#[path = "v2_conformance/directories.rs"]
mod directories;
#[path = "v2_conformance/encoding.rs"]
mod encoding;
#[path = "v2_conformance/failover.rs"]
mod failover;
#[path = "v2_conformance/keys.rs"]
mod keys;
#[path = "v2_conformance/lies.rs"]
mod lies;
#[path = "v2_conformance/line.rs"]
mod line;
#[path = "v2_conformance/migration.rs"]
mod migration;
#[path = "v2_conformance/reconnect.rs"]
mod reconnect;
#[path = "v2_conformance/redirect.rs"]
mod redirect;
#[path = "v2_conformance/resync.rs"]
mod resync;
#[path = "v2_conformance/slashes.rs"]
mod slashes;
#[path = "v2_conformance/strange.rs"]
mod strange;
#[path = "v2_conformance/table.rs"]
mod table;
#[path = "v2_conformance/tls.rs"]
mod tls;
#[path = "v2_conformance/watching.rs"]
mod watching;
