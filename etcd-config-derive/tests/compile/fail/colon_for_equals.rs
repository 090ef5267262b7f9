use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default: 5)]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
