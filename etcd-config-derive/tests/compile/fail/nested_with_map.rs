use etcd_config::EtcdConfig;

use std::collections::HashMap;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(nested, map)]
    features: HashMap<String, bool>,
}

fn main() {
    let _ = Settings::schema();
}
