use etcd_config::EtcdConfig;

fn at_least_one(size: &Option<u32>) -> Result<(), String> {
    if *size > Some(0) { Ok(()) } else { Err("none".to_owned()) }
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(validate = at_least_one)]
    size: Option<u32>,
}

fn main() {
    let _ = Settings::schema();
}
