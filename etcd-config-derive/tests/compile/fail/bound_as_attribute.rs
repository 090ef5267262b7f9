use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = 1, max = 10)]
    workers: u32,
    #[etcd(required)]
    name: String,
    #[etcd(description = "the region")]
    region: String,
}

fn main() {}
