use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = 127.0.0.1)]
    listen: std::net::IpAddr,
}

fn main() {
    let _ = Settings::schema();
}
