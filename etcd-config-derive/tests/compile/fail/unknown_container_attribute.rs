use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(prefx = "/payments")]
struct Settings {
    level: String,
}

fn main() {
    let _ = Settings::schema();
}
