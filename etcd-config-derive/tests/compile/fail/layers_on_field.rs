use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(prefix = "/app")]
struct Settings {
    #[etcd(layers("/app@a"))]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
