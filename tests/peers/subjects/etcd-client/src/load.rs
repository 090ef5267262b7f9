//! Many keys in a map: read, and then kept current by cloning and inserting.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use etcd_client::Client;
use subject::{Scene, cpu, heap, json, micros};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::follow::{Step, follow};
use crate::{Bell, background, connect, wait_for};

pub(crate) type Values = HashMap<String, String>;

/// A map that is kept current; dropped, it is no more.
pub(crate) struct Followed {
    pub(crate) values: Arc<ArcSwap<Values>>,
    pub(crate) changed: Bell,
    task: JoinHandle<()>,
}

/// As in `ours`.
pub(crate) fn run(scene: &Scene) {
    let background = background();
    let endpoint = scene.endpoint.clone();
    let client = wait_for(&background, async move { connect(&endpoint).await });
    let heap_before = heap();
    let (mut walls, before) = (Vec::new(), cpu());
    let mut followed = None;
    for _ in 0..scene.number("repeats").max(1) {
        drop(followed.take());
        let begin = Instant::now();
        followed = Some(load(&background, &client, format!("/load/{}/values/", scene.number("keys"))));
        walls.push(begin.elapsed());
    }
    let spent = (cpu() - before) / u32::try_from(walls.len()).unwrap_or(1);
    let followed = followed.unwrap_or_else(|| subject::fail("nothing was loaded"));
    let mut held = Vec::new();
    let first = json!({
        "wall_us": micros(median(walls)), "load_cpu_us": micros(spent), "keys": followed.values.load().len(),
        "heap_before": heap_before,
    });
    subject::serve(first, |command, words| {
        match (command, words) {
            ("await", [key, value]) => {
                let there = || followed.values.load().get(*key).is_some_and(|found| found == value);
                followed.changed.wait_until(there);
            }
            ("hold", _) => held.push(followed.values.load_full()),
            _ => {}
        }
        json!({ "heap": heap() })
    });
}

pub(crate) fn load(background: &Handle, client: &Client, prefix: String) -> Followed {
    let (listed, is_listed) = std::sync::mpsc::channel();
    let values = Arc::new(ArcSwap::from_pointee(Values::new()));
    let changed = Bell::default();
    let task = background.spawn(keep(client.clone(), prefix, Arc::clone(&values), changed.clone(), listed));
    let _ = is_listed.recv();
    Followed { values, changed, task }
}

async fn keep(
    client: Client,
    prefix: String,
    values: Arc<ArcSwap<Values>>,
    changed: Bell,
    listed: Sender<()>,
) {
    let below = prefix.len();
    let name = |key: &[u8]| String::from_utf8_lossy(&key[below..]).into_owned();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    follow(client, prefix.clone(), |step| {
        match step {
            Step::Listed(kvs) => {
                let all = kvs.iter().map(|kv| (name(kv.key()), text(kv.value()))).collect();
                values.store(Arc::new(all));
                let _ = listed.send(());
            }
            Step::Changed(changes) => {
                let mut next = Values::clone(&values.load());
                for (key, value) in changes {
                    match value {
                        Some(value) => next.insert(name(key), text(value)),
                        None => next.remove(&name(key)),
                    };
                }
                values.store(Arc::new(next));
            }
        }
        changed.ring();
    })
    .await;
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn median(mut walls: Vec<Duration>) -> Duration {
    walls.sort_unstable();
    walls[walls.len() / 2]
}
