use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = [80, 443])]
    ports: Vec<u16>,
}

fn main() {
    let _ = Settings::schema();
}
