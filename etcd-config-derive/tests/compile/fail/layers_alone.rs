use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(prefix = "/app", layers)]
struct Settings {
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
