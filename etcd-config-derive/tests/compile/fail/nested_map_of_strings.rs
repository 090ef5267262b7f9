use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(nested)]
    labels: std::collections::HashMap<String, String>,
}

fn main() {
    let _ = Settings::schema();
}
