//! A value that carries the time at which it was written, from there to the snapshot.

use std::thread;
use std::time::Duration;

use etcd_config::EtcdConfig;
use subject::{Latencies, Scene, json};

use crate::{client, failed};

#[derive(EtcdConfig)]
#[etcd(prefix = "/visible/ours")]
struct Typed {
    #[etcd(default = 0)]
    written: u64,
}

const DAY: Duration = Duration::from_secs(86_400);

static SEEN: Latencies = Latencies::new();

/// `await <n>` waits until n values were seen, and says how long they took.
pub(crate) fn run(scene: &Scene) {
    let live = Typed::watch(client(scene)).unwrap_or_else(|error| failed(&error));
    thread::spawn(move || {
        let mut last = live.load().written;
        while live.wait_until(|typed| typed.written != last, DAY).is_ok() {
            last = live.load().written;
            SEEN.saw(last);
        }
    });
    subject::serve(json!({}), |_, words| SEEN.answer(words));
}
