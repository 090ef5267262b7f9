use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(key("a", "b"))]
    value: u32,
}

fn main() {
    let _ = Settings::schema();
}
