use etcd_config::{EtcdConfig, field};

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(nested)]
    database: Option<Database>,
}

#[derive(EtcdConfig)]
struct Database {
    pool_size: u32,
}

fn main() {
    let _ = field!(Settings.database.pool_sze);
}
