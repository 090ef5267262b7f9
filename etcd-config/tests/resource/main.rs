//! What is made of settings: before an update is in force, together with it, or not at all.

mod builds;
mod hanging;
mod simulation;
mod tasks;
mod threads;
mod words;

use etcd_config::EtcdConfig;

/// What the tests of this program watch.
#[derive(EtcdConfig, Debug)]
#[etcd(prefix = "/shop")]
struct Shop {
    #[etcd(default = 1)]
    size: u32,
    #[etcd(default = "db")]
    host: String,
    #[etcd(default = 0)]
    other: u32,
}
