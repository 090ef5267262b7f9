use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(key())]
    value: u32,
}

fn main() {
    let _ = Settings::schema();
}
