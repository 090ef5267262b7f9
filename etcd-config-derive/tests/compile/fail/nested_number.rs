use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(nested)]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
