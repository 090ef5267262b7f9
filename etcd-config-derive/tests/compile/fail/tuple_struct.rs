use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings(u32, String);

fn main() {
    let _ = Settings::schema();
}
