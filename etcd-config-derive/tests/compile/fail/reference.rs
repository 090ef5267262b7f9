use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    name: &'static str,
}

fn main() {
    let _ = Settings::schema();
}
