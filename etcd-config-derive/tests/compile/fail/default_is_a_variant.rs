use etcd_config::EtcdConfig;

#[derive(serde::Deserialize)]
enum Level {
    Info,
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = Level::Info)]
    level: Level,
}

fn main() {
    let _ = Settings::schema();
}
