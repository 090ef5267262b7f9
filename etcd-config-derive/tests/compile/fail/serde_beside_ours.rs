use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[serde(rename = "log-level", default)]
    #[etcd(key = "log-level")]
    level: String,
}

fn main() {
    let _ = Settings::schema();
}
