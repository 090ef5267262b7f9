use etcd_config::EtcdConfig;

impl Settings {
    fn check(self) -> Result<(), String> {
        if self.size > 0 { Ok(()) } else { Err("none".to_owned()) }
    }
}

#[derive(EtcdConfig)]
#[etcd(validate = Settings::check)]
struct Settings {
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
