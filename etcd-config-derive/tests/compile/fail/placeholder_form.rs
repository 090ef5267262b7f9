use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(prefix = "/apps/{eu region}/payments")]
struct Settings {
    level: String,
}

fn main() {
    let _ = Settings::schema();
}
