use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
struct Settings {
    name: std::rc::Rc<u32>,
}

fn main() {}
