use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = String::new())]
    name: String,
}

fn main() {
    let _ = Settings::schema();
}
