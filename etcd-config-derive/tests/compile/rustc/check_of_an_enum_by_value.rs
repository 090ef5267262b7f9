use etcd_config::EtcdConfig;

#[derive(Clone, Copy, serde::Deserialize)]
enum Level {
    Info,
}

fn fine(_: Level) -> Result<(), String> {
    Ok(())
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(validate = fine)]
    level: Level,
}

fn main() {
    let _ = Settings::schema();
}
