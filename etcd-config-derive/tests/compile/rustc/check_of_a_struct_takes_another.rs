use etcd_config::EtcdConfig;

fn check(level: &str) -> Result<(), String> {
    if level.is_empty() { Err("empty".to_owned()) } else { Ok(()) }
}

#[derive(EtcdConfig)]
#[etcd(validate = check)]
struct Settings {
    level: String,
}

fn main() {
    let _ = Settings::schema();
}
