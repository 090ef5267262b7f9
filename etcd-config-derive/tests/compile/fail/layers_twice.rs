use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(prefix = "/app", layers("/a"), layers("/b"))]
struct Settings {
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
