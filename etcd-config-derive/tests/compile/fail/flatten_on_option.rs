use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Log {
    level: String,
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(flatten)]
    log: Option<Log>,
}

fn main() {
    let _ = Settings::schema();
}
