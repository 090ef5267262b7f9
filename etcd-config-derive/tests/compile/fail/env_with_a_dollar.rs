use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(env = "${SIZE}")]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
