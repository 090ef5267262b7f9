use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    level: String,
    #[etcd(key = "level")]
    log_level: String,
}

fn main() {
    let _ = Settings::schema();
}
