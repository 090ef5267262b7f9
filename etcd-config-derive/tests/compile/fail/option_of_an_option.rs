use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    limit: Option<Option<u32>>,
}

fn main() {
    let _ = Settings::schema();
}
