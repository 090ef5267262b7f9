use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
union Settings {
    size: u32,
    rate: f32,
}

fn main() {
    let _ = Settings::schema();
}
