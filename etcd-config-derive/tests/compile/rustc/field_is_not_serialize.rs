use etcd_config::{EtcdConfig, MemoryStore, field};

#[derive(EtcdConfig)]
struct Settings {
    limits: Limits,
}

#[derive(serde::Deserialize)]
struct Limits {
    per_second: u32,
}

fn main() -> Result<(), etcd_config::Error> {
    let limits = Limits { per_second: 1 };
    Settings::edit(MemoryStore::new())?.set(field!(Settings.limits), &limits)?;
    Ok(())
}
