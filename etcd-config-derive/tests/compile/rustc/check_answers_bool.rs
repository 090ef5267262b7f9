use etcd_config::EtcdConfig;

fn at_least_one(size: &u32) -> bool {
    *size > 0
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(validate = at_least_one)]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
