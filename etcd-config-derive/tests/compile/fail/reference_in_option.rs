use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    name: Option<&'static str>,
}

fn main() {
    let _ = Settings::schema();
}
