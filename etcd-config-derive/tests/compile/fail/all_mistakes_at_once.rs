use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(prefix = "/payments//eu", rename_all = "kebab")]
struct Settings {
    #[etcd(defualt = "info")]
    level: String,
    #[etcd(default)]
    limit: Option<u32>,
    #[etcd(key = "limit")]
    other: u32,
}

fn main() {
    let _ = Settings::schema();
}
