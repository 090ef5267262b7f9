//! Many keys in a map: read, and then kept current.

use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_config::client::v3::Client;
use etcd_config::{EtcdConfig, Live, Snapshot};
use subject::{Scene, cpu, heap, json, micros};
use tokio::runtime::Builder;

use crate::{LIMIT, Many, client, failed};

/// Loads `/load/<keys>` as often as `repeats` says, each time anew with the same client, and keeps the last.
///
/// `await <key> <value>` waits until a key has a value; `hold` keeps the present snapshot.
pub(crate) fn run(scene: &Scene) {
    let client = client(scene);
    // Connections and the thread are there, as those of others are.
    let _keeper = load(&client, 1);
    let heap_before = heap();
    let (mut walls, before) = (Vec::new(), cpu());
    let mut live = None;
    for _ in 0..scene.number("repeats").max(1) {
        drop(live.take());
        let begin = Instant::now();
        live = Some(load(&client, scene.number("keys")));
        walls.push(begin.elapsed());
    }
    let spent = (cpu() - before) / u32::try_from(walls.len()).unwrap_or(1);
    let live = live.unwrap_or_else(|| subject::fail("nothing was loaded"));
    let mut held: Vec<Arc<Snapshot<Many>>> = Vec::new();
    let first = json!({
        "wall_us": micros(median(walls)), "load_cpu_us": micros(spent), "keys": live.load().values.len(),
        "heap_before": heap_before,
    });
    subject::serve(first, |command, words| {
        match (command, words) {
            ("await", [key, value]) => {
                let there = |many: &Many| many.values.get(*key).is_some_and(|found| found == value);
                live.wait_until(there, LIMIT).unwrap_or_else(|error| failed(&error));
            }
            ("hold", _) => held.push(live.snapshot()),
            _ => {}
        }
        json!({ "heap": heap() })
    });
}

/// The same keys in one untyped read: what no loading can be faster than.
pub(crate) fn range(scene: &Scene) {
    let client = client(scene);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap_or_else(|error| failed(&error));
    let (mut walls, before) = (Vec::new(), cpu());
    let mut keys = 0;
    for _ in 0..scene.number("repeats").max(1) {
        let begin = Instant::now();
        let get = async { client.get(format!("/load/{}/", scene.number("keys"))).prefix().await };
        let answer = runtime.block_on(get).unwrap_or_else(|error| failed(&error));
        walls.push(begin.elapsed());
        keys = answer.kvs.len();
    }
    let spent = (cpu() - before) / u32::try_from(walls.len()).unwrap_or(1);
    let first = json!({ "wall_us": micros(median(walls)), "load_cpu_us": micros(spent), "keys": keys });
    subject::serve(first, |_, _| json!({}));
}

fn load(client: &Client, keys: usize) -> Live<Many> {
    let live = Many::options().prefix(format!("/load/{keys}")).watch(client);
    live.unwrap_or_else(|error| failed(&error))
}

fn median(mut walls: Vec<Duration>) -> Duration {
    walls.sort_unstable();
    walls[walls.len() / 2]
}
