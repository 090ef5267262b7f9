use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(prefix = "/app", layers(1, "/app@{zone}", zone))]
struct Settings {
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
