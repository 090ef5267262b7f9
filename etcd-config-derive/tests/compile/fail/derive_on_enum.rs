use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
enum Settings {
    Simple,
}

fn main() {
    let _ = Settings::schema();
}
