use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(validate = check)]
struct Settings {
    #[etcd(validate = small, default_fn = size)]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
