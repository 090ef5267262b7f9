use etcd_config::EtcdConfig;

enum Level {
    Info,
}

#[derive(EtcdConfig)]
struct Settings {
    levels: Vec<Level>,
}

fn main() {
    let _ = Settings::schema();
}
