use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(prefix = "/app", layer("/app@a"))]
struct Settings {
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
