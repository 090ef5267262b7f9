use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Log {
    level: String,
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(flatten)]
    log: std::collections::HashMap<String, Log>,
}

fn main() {
    let _ = Settings::schema();
}
