//! Ports that nobody else takes.

use etcd_client_core::testing;

/// A loopback port that is free, and that this process has not been given before.
pub(crate) fn free_port() -> u16 {
    testing::free_port().expect("a free port on 127.0.0.1")
}
