use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(validate = "full()")]
    name: String,
}

fn main() {
    let _ = Settings::schema();
}
