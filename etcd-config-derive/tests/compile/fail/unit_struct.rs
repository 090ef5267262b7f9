use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings;

fn main() {
    let _ = Settings::schema();
}
