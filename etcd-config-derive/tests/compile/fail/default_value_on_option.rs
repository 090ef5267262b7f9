use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = 10)]
    limit: Option<u32>,
}

fn main() {
    let _ = Settings::schema();
}
