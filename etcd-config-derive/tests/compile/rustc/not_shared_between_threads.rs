use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    size: std::cell::Cell<u32>,
}

fn main() {}
