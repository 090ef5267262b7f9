use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(key = "a"; default = 5)]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
