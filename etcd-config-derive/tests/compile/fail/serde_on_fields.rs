use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    #[serde(rename = "a", with = "humantime_serde", alias = "b", skip, flatten)]
    timeout: std::time::Duration,
    #[serde(deserialize_with = "humantime_serde::deserialize")]
    other: std::time::Duration,
    #[serde(rename(serialize = "x"), skip_serializing_if = "is_zero", serialize_with = "f")]
    third: u32,
    #[serde(rename(deserialize = "x"))]
    fourth: u32,
}

fn main() {
    let _ = Settings::schema();
}
