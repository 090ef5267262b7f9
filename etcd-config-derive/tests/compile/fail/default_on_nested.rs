use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Database {
    url: String,
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(nested, default)]
    database: Database,
}

fn main() {
    let _ = Settings::schema();
}
