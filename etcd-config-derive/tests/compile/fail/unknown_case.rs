use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(rename_all = "kebab")]
struct Settings {
    log_level: String,
}

fn main() {
    let _ = Settings::schema();
}
