use etcd_config::EtcdConfig;

fn five() -> u32 {
    5
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default_fn = five())]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
