use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(with = humantime_serde, decode_with = parse)]
    timeout: std::time::Duration,
}

fn main() {
    let _ = Settings::schema();
}
