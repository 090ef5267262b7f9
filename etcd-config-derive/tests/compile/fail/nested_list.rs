use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Upstream {
    addr: String,
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(nested)]
    upstreams: Vec<Upstream>,
}

fn main() {
    let _ = Settings::schema();
}
