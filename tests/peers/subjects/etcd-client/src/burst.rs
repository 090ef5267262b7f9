//! Many watches with one client, all written at once.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use subject::{Latencies, Scene, json};

use crate::follow::{Step, follow};
use crate::{background, connect, wait_for};

#[derive(Default)]
struct Stamped {
    stamp: u64,
}

static SEEN: Latencies = Latencies::new();

/// As in `ours`.
pub(crate) fn run(scene: &Scene) {
    let background = background();
    let endpoint = scene.endpoint.clone();
    let client = wait_for(&background, async move { connect(&endpoint).await });
    let open = |number: usize| {
        let (listed, is_listed) = std::sync::mpsc::channel();
        let shared = Arc::new(ArcSwap::from_pointee(Stamped::default()));
        let writes = Arc::clone(&shared);
        background.spawn(follow(client.clone(), format!("/burst/{number}/"), move |step| match step {
            Step::Listed(kvs) => {
                for kv in kvs {
                    take_over(&writes, kv.value());
                }
                let _ = listed.send(());
            }
            Step::Changed(changes) => {
                for written in
                    changes.iter().filter_map(|(_, value)| take_over(&writes, value.unwrap_or_default()))
                {
                    SEEN.saw(written);
                }
            }
        }));
        let _ = is_listed.recv();
        shared
    };
    let all: Vec<_> = (0..scene.number("watches")).map(open).collect();
    thread::sleep(Duration::from_millis(500));
    subject::serve(json!({ "open": all.iter().filter(|one| one.load().stamp > 0).count() }), |_, words| {
        SEEN.answer(words)
    });
}

fn take_over(shared: &ArcSwap<Stamped>, value: &[u8]) -> Option<u64> {
    let (_, written) = str::from_utf8(value).ok()?.split_once(':')?;
    let stamp = written.parse().ok()?;
    shared.store(Arc::new(Stamped { stamp }));
    Some(stamp)
}
