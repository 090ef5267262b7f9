use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(key = " level")]
    level: String,
}

fn main() {
    let _ = Settings::schema();
}
