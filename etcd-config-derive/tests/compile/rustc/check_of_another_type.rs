use etcd_config::EtcdConfig;

fn short(level: &u32) -> Result<(), String> {
    if *level < 10 { Ok(()) } else { Err("too long".to_owned()) }
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(validate = short)]
    level: String,
}

fn main() {
    let _ = Settings::schema();
}
