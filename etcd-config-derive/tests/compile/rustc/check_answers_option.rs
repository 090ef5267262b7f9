use etcd_config::EtcdConfig;

fn full(name: &str) -> Option<String> {
    name.is_empty().then(|| "empty".to_owned())
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(validate = full)]
    name: String,
}

fn main() {
    let _ = Settings::schema();
}
