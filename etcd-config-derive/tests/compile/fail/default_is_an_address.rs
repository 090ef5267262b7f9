use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = 10.0.0.1:80)]
    listen: std::net::SocketAddr,
}

fn main() {
    let _ = Settings::schema();
}
