use etcd_config::EtcdConfig;

enum Level {
    Info,
}

#[derive(EtcdConfig)]
struct Settings {
    levels: std::collections::HashMap<String, Level>,
}

fn main() {
    let _ = Settings::schema();
}
