use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = "info".to_string())]
    level: String,
}

fn main() {
    let _ = Settings::schema();
}
