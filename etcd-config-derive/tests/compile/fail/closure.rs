use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(validate = |level| level.len() < 10)]
    level: String,
}

fn main() {
    let _ = Settings::schema();
}
