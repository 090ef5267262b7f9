//! Who writes: one step after the other, each certain before the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use etcd_client_core::{Error, Kind, v2, v3};

use crate::stage::Stage;
use crate::truth::{Changes, Truth};

/// The directory that is written, in v2's keys and in v3's.
pub(crate) const DIRECTORY: &str = "/soak/all";
/// From one write to the next.
const PACE: Duration = Duration::from_millis(5);
const KEYS: u64 = 64;

/// A thread that writes to one of the two key spaces.
pub(crate) struct Writer {
    pub(crate) api: &'static str,
    pub(crate) truth: Arc<Truth>,
    orders: Arc<Orders>,
    _thread: JoinHandle<()>,
}

/// What a writer is to do after the step that it is at.
#[derive(Default)]
struct Orders {
    stop: AtomicBool,
    pause: AtomicBool,
}

impl Writer {
    /// One for each key space that there is.
    pub(crate) fn start_all(stage: &Stage) -> Vec<Self> {
        let endpoints = stage.cluster.endpoints();
        let mut writers = vec![Self::start("v3", write_v3, endpoints.clone())];
        if stage.has_v2 {
            writers.push(Self::start("v2", write_v2, endpoints));
        }
        writers
    }

    pub(crate) fn stop(&self) {
        self.orders.stop.store(true, Ordering::SeqCst);
    }

    /// Whether nothing more is written until this is called again: the store is quiet.
    pub(crate) fn pause(&self, pause: bool) {
        self.orders.pause.store(pause, Ordering::SeqCst);
    }

    fn start(api: &'static str, write: fn(Vec<String>, &Truth, &Orders), endpoints: Vec<String>) -> Self {
        let (truth, orders) = (Arc::new(Truth::new()), Arc::new(Orders::default()));
        let (written, followed) = (Arc::clone(&truth), Arc::clone(&orders));
        let work = move || write(endpoints, &written, &followed);
        let thread = thread::Builder::new().name(format!("writes-{api}")).spawn(work).expect("a thread");
        while truth.confirmed() == 0 {
            thread::sleep(PACE);
        }
        Self { api, truth, orders, _thread: thread }
    }
}

impl Orders {
    /// Waits until the next step is due; whether there is to be one.
    async fn go_on(&self) -> bool {
        tokio::time::sleep(PACE).await;
        while self.pause.load(Ordering::SeqCst) && !self.stop.load(Ordering::SeqCst) {
            tokio::time::sleep(PACE).await;
        }
        !self.stop.load(Ordering::SeqCst)
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Several keys in one transaction: `generation` always, with which the step is fenced.
fn write_v3(endpoints: Vec<String>, truth: &Truth, orders: &Orders) {
    let client = v3::Client::new(endpoints).expect("endpoints of the cluster");
    let key = |name: &str| format!("{DIRECTORY}/{name}");
    runtime().block_on(async {
        for step in 1.. {
            let changes = v3_changes(step);
            truth.announce(&changes);
            loop {
                let fence = key("generation");
                let fence = match step {
                    1 => v3::Compare::version(fence).equals(0),
                    _ => v3::Compare::value(fence).equals((step - 1).to_string()),
                };
                let mut transaction = client.txn().when(fence);
                for (name, value) in &changes {
                    transaction = match value {
                        Some(value) => transaction.then(client.put(key(name), value.to_string())),
                        None => transaction.then(client.delete(key(name))),
                    };
                }
                let lost = match transaction.or_else(client.get(key("generation"))).await {
                    Ok(answer) if answer.succeeded => break,
                    Ok(_) => false,
                    Err(_) => true,
                };
                // Whether an earlier attempt was carried out after all.
                let now = client.get(key("generation")).await;
                if now.is_ok_and(|now| now.kvs.first().is_some_and(|kv| kv.value == step.to_string())) {
                    break;
                }
                if lost {
                    tokio::time::sleep(PACE * 20).await;
                }
            }
            truth.confirm();
            if !orders.go_on().await {
                return;
            }
        }
    });
}

fn v3_changes(step: u64) -> Changes {
    let mut random = fastrand::Rng::with_seed(step);
    let mut names: Vec<u64> = (0..KEYS).collect();
    random.shuffle(&mut names);
    names.truncate(random.usize(1..9));
    let value = |random: &mut fastrand::Rng| (random.u32(0..5) > 0).then_some(step);
    let mut changes: Changes =
        names.into_iter().map(|name| (format!("key-{name:02}"), value(&mut random))).collect();
    changes.push(("generation".to_owned(), Some(step)));
    changes
}

/// One key at a time, which v2 can write only so; in turn, and each fenced by what it held before.
fn write_v2(endpoints: Vec<String>, truth: &Truth, orders: &Orders) {
    let client = v2::Client::new(endpoints).expect("endpoints of the cluster");
    runtime().block_on(async {
        for step in 1.. {
            let name = format!("key-{:02}", step % KEYS);
            let key = format!("{DIRECTORY}/{name}");
            truth.announce(&vec![(name, Some(step))]);
            loop {
                let outcome = if step <= KEYS {
                    client.set(&key, step.to_string()).await
                } else {
                    client.compare_and_swap(&key, step.to_string(), (step - KEYS).to_string()).await
                };
                // A conflict: an earlier attempt was carried out after all.
                if outcome.map_or_else(|error: Error| error.kind() == Kind::Conflict, |_| true) {
                    break;
                }
                tokio::time::sleep(PACE * 20).await;
            }
            truth.confirm();
            if !orders.go_on().await {
                return;
            }
        }
    });
}
