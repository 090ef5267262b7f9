use etcd_config::EtcdConfig;

#[derive(serde::Deserialize)]
struct Limits {
    burst: u32,
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(schemars)]
    limits: Option<Limits>,
}

fn main() {}
