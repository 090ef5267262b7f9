use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = 300)]
    weight: u8,
    #[etcd(default = "yes")]
    enabled: bool,
}

fn main() {
    let _ = Settings::schema();
}
