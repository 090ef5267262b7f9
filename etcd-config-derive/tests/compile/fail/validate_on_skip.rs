use etcd_config::EtcdConfig;

fn full(name: &str) -> Result<(), String> {
    if name.is_empty() { Err("".into()) } else { Ok(()) }
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(skip, validate = full)]
    name: String,
}

fn main() {
    let _ = Settings::schema();
}
