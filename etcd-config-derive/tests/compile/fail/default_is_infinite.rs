use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = 1e400)]
    ratio: f64,
}

fn main() {
    let _ = Settings::schema();
}
