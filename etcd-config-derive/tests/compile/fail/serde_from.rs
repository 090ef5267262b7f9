use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[serde(try_from = "Raw")]
struct Settings {
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
