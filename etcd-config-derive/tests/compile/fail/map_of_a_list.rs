use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(map)]
    features: Vec<bool>,
}

fn main() {
    let _ = Settings::schema();
}
