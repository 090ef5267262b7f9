use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = 1, default_fn = size)]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
