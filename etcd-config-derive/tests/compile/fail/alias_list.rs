use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(alias = ["a", "b"])]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
