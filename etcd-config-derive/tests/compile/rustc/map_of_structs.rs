use etcd_config::EtcdConfig;

use std::collections::HashMap;

struct Upstream {
    _addr: String,
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(map)]
    upstreams: HashMap<String, Upstream>,
}

fn main() {
    let _ = Settings::schema();
}
