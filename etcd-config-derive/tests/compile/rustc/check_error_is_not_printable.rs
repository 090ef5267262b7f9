use etcd_config::EtcdConfig;

struct Empty;

fn full(name: &str) -> Result<(), Empty> {
    if name.is_empty() { Err(Empty) } else { Ok(()) }
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(validate = full)]
    name: String,
}

fn main() {
    let _ = Settings::schema();
}
