use etcd_config::field;

struct Settings {
    name: String,
}

fn main() {
    let _ = field!(Settings.name);
}
