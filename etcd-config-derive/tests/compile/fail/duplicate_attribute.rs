use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = 1)]
    #[etcd(secret, default = 2)]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
