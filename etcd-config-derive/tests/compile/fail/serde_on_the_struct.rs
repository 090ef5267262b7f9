use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Settings {
    size: u32,
}

fn main() {
    let _ = Settings::schema();
}
