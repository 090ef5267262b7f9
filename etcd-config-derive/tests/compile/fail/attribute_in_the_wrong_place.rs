use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(secret)]
struct Settings {
    token: String,
}

fn main() {
    let _ = Settings::schema();
}
