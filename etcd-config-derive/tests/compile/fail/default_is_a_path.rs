use etcd_config::EtcdConfig;

const SIZE: u32 = 10;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = SIZE)]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
