use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(layers("/app@a"))]
struct Settings {
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
