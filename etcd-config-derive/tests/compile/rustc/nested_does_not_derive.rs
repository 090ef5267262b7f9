use etcd_config::EtcdConfig;

struct Database {
    _url: String,
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(nested)]
    database: Database,
}

fn main() {
    let _ = Settings::schema();
}
