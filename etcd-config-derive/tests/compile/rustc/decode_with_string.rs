use etcd_config::EtcdConfig;

fn parse(text: String) -> Result<u32, std::num::ParseIntError> {
    text.parse()
}

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(decode_with = parse)]
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
