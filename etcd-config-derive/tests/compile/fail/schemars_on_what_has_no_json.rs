use std::collections::BTreeMap;
use std::time::Duration;

use etcd_config::EtcdConfig;

type Entries = BTreeMap<String, u8>;

#[derive(EtcdConfig)]
struct Inner {
    name: String,
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(nested, schemars)]
    inner: Inner,
    #[etcd(skip, schemars)]
    skipped: u8,
    #[etcd(with = humantime_serde, schemars)]
    timeout: Duration,
    #[etcd(map, schemars)]
    entries: Entries,
    #[etcd(schemars = true)]
    flag: u8,
}

fn main() {}
