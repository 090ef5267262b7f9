use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(crate = "settings")]
struct Settings {
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
