//! etcd-config, as its documentation shows it.

mod burst;
mod load;
mod memory;
mod open;
mod read;
mod v2;
mod visible;

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use etcd_config::EtcdConfig;
use etcd_config::client::v3::Client;
use subject::Scene;

/// All keys of a prefix.
#[derive(EtcdConfig)]
struct Many {
    #[etcd(map)]
    values: HashMap<String, String>,
}

/// How long is waited for what must come.
const LIMIT: Duration = Duration::from_secs(60);

pub fn run() {
    let scene = Scene::from_arguments();
    match scene.name.as_str() {
        "open" => open::run(&scene),
        "load" => load::run(&scene),
        "range" => load::range(&scene),
        "visible" => visible::run(&scene),
        "burst" => burst::run(&scene),
        "memory" => memory::run(&scene),
        "read" => read::run(),
        "v2" => v2::run(&scene),
        _ => scene.unsupported(),
    }
}

fn client(scene: &Scene) -> Client {
    Client::new([scene.endpoint.as_str()]).unwrap_or_else(|error| failed(&error))
}

fn failed(error: &dyn Display) -> ! {
    subject::fail(&error.to_string())
}
