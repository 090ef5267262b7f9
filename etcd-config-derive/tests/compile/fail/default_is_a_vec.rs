use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = vec![80, 443])]
    ports: Vec<u16>,
}

fn main() {
    let _ = Settings::schema();
}
