use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(nested)]
    database: Databse,
}

fn main() {
    let _ = Settings::schema();
}
