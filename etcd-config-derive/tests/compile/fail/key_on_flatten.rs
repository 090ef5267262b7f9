use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Log {
    level: String,
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(flatten, key = "log")]
    log: Log,
}

fn main() {
    let _ = Settings::schema();
}
