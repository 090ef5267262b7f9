//! A value that carries the time at which it was written, from there to the `ArcSwap`.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use subject::{Latencies, Scene, json};

use crate::follow::{Step, follow};
use crate::{Bell, background, connect};

#[derive(Default)]
struct Typed {
    written: u64,
}

static SEEN: Latencies = Latencies::new();

/// As in `ours`.
pub(crate) fn run(scene: &Scene) {
    let shared = Arc::new(ArcSwap::from_pointee(Typed::default()));
    let changed = Bell::default();
    let (writes, rings, endpoint) = (Arc::clone(&shared), changed.clone(), scene.endpoint.clone());
    let (listed, is_listed) = std::sync::mpsc::channel();
    background().spawn(async move {
        let client = connect(&endpoint).await;
        follow(client, "/visible/by-hand/".to_owned(), |step| {
            match step {
                Step::Listed(kvs) => {
                    kvs.iter().for_each(|kv| take_over(&writes, kv.key(), kv.value()));
                    let _ = listed.send(());
                }
                Step::Changed(changes) => {
                    changes
                        .iter()
                        .for_each(|(key, value)| take_over(&writes, key, value.unwrap_or_default()));
                }
            }
            rings.ring();
        })
        .await;
    });
    let _ = is_listed.recv();
    // Until the watch is there.
    thread::sleep(Duration::from_millis(200));
    thread::spawn(move || {
        let mut last = shared.load().written;
        loop {
            changed.wait_until(|| shared.load().written != last);
            last = shared.load().written;
            SEEN.saw(last);
        }
    });
    subject::serve(json!({}), |_, words| SEEN.answer(words));
}

fn take_over(shared: &ArcSwap<Typed>, key: &[u8], value: &[u8]) {
    let number = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    if let (true, Some(written)) = (key.ends_with(b"/written"), number) {
        shared.store(Arc::new(Typed { written }));
    }
}
