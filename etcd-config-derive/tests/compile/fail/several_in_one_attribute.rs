use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default: 5, scret)]
    size: u32,
    #[etcd(key = log/level; default = 5)]
    other: u32,
}

fn main() {
    let _ = Settings::schema();
}
