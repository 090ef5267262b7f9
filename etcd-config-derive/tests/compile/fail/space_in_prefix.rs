use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(prefix = "/app ")]
struct Settings {
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
