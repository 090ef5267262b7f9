use etcd_config::{EtcdConfig, MemoryStore, field};

#[derive(EtcdConfig)]
struct Settings {
    pool_size: u32,
}

fn main() -> Result<(), etcd_config::Error> {
    Settings::edit(MemoryStore::new())?.set(field!(Settings.pool_size), &"20")?;
    Ok(())
}
