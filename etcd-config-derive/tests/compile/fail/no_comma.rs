use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(secret restart)]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
