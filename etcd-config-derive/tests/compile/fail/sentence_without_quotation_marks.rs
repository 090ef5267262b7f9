use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(deprecated = use new_name)]
    value: u32,
}

fn main() {
    let _ = Settings::schema();
}
