use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(map)]
    features: Option<std::collections::HashMap<String, bool>>,
}

fn main() {
    let _ = Settings::schema();
}
