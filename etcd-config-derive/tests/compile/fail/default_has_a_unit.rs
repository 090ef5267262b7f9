use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = 5s)]
    timeout: std::time::Duration,
}

fn main() {
    let _ = Settings::schema();
}
