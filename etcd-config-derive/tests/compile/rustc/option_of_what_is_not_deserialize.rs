use etcd_config::EtcdConfig;

enum Level {
    Info,
}

#[derive(EtcdConfig)]
struct Settings {
    level: Option<Level>,
}

fn main() {
    let _ = Settings::schema();
}
