use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(nested())]
    value: String,
}

fn main() {
    let _ = Settings::schema();
}
