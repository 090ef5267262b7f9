use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(alias = "level")]
    level: String,
}

fn main() {
    let _ = Settings::schema();
}
