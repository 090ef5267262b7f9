use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(prefix = "/app", commit_key = "/app/version")]
struct Settings {
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
