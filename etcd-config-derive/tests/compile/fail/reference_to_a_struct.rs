use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Upstream {
    addr: String,
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(nested)]
    up: &'static Upstream,
}

fn main() {
    let _ = Settings::schema();
}
