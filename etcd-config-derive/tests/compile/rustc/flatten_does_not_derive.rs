use etcd_config::EtcdConfig;

struct Log {
    _level: String,
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(flatten)]
    log: Log,
}

fn main() {
    let _ = Settings::schema();
}
