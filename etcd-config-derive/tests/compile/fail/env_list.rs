use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(env = ["A", "B"])]
    value: u32,
}

fn main() {
    let _ = Settings::schema();
}
