use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = info)]
    level: String,
}

fn main() {
    let _ = Settings::schema();
}
