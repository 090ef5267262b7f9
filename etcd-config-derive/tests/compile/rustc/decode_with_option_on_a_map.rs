use etcd_config::EtcdConfig;

fn parse(text: &str) -> Option<u32> {
    text.parse().ok()
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(map, decode_with = parse)]
    size: std::collections::HashMap<String, u32>,
}

fn main() {
    let _ = Settings::schema();
}
