use etcd_config::EtcdConfig;

fn parse(text: &str) -> Option<u32> {
    text.parse().ok()
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(decode_with = parse)]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
