use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(defualt = "info")]
    level: String,
}

fn main() {
    let _ = Settings::schema();
}
