use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(evn = "SIZE")]
    value: u32,
}

fn main() {
    let _ = Settings::schema();
}
