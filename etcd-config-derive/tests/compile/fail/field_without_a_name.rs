use etcd_config::{EtcdConfig, field};

#[derive(EtcdConfig)]
struct Settings {
    name: String,
}

fn main() {
    let _ = field!(Settings);
    let _ = field!();
    let _ = field!(Settings.name());
}
