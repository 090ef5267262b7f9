use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(rename = "log/level")]
    level: String,
}

fn main() {
    let _ = Settings::schema();
}
