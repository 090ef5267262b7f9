use etcd_config::EtcdConfig;

const PREFIX: &str = "/app";

#[derive(EtcdConfig)]
#[etcd(prefix = PREFIX)]
struct Settings {
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
