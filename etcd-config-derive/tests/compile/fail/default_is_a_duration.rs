use std::time::Duration;

use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = "5s")]
    timeout: Duration,
    #[etcd(default = 5)]
    pause: std::time::Duration,
}

fn main() {
    let _ = Settings::schema();
}
