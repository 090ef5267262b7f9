use etcd_config::EtcdConfig;

mod durations {}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(with = durations)]
    timeout: std::time::Duration,
}

fn main() {
    let _ = Settings::schema();
}
