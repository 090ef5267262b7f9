use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default)]
    limit: Option<u32>,
}

fn main() {
    let _ = Settings::schema();
}
