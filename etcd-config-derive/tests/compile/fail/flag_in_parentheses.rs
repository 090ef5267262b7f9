use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(secret(true))]
    value: String,
}

fn main() {
    let _ = Settings::schema();
}
