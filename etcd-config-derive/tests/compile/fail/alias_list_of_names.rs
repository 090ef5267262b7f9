use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(alias = [old, older])]
    value: u32,
}

fn main() {
    let _ = Settings::schema();
}
