use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings<'a> {
    level: &'a str,
}

fn main() {
    let _ = Settings::schema();
}
