use etcd_config::EtcdConfig;

#[derive(serde::Deserialize)]
struct Limits {
    _burst: u32,
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default)]
    limits: Limits,
}

fn main() {
    let _ = Settings::schema();
}
