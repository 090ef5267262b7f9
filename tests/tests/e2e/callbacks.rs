//! Callbacks that block or panic.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use etcd_config_tests::{Api, Witness, over_each_api};

#[test]
fn r48_a_blocked_callback_delays_nobody_else() {
    over_each_api(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "0");
        let live = stage.watch([server.endpoint()]).expect("a first snapshot");
        let witness = Witness::of(&live);
        let (unblock, blocked) = mpsc::channel::<()>();
        live.on_change(move |_| {
            let _ = blocked.recv_timeout(Duration::from_secs(300));
        });
        let mut worst = Duration::ZERO;
        for n in 0..2_000 {
            let value = n.to_string();
            let revision = match stage.api() {
                Api::V2 => history.put("a", &value),
                Api::V3 => history.write(["a", "b"].map(|name| (name, Some(&*value)))),
            };
            let start = Instant::now();
            live.wait_for_revision(revision, Duration::from_secs(3)).expect("read as ever");
            worst = worst.max(start.elapsed());
        }
        assert!(witness.steps().len() <= 1, "the callback has let {} pass", witness.steps().len());
        assert_eq!(live.status().counters.losses, 0, "the stream was read all the time ({worst:?})");
        drop(unblock); // it returns at once from now on
        witness.converges(&history, Duration::from_secs(3));
        let steps = witness.steps();
        let missed: u64 = steps.iter().map(|step| step.missed).sum();
        assert!(steps.len() < 1_100 && missed > 900, "{} callbacks, {missed} passed over", steps.len());
    });
}

#[test]
fn r50_a_callback_that_panics_is_reported_and_harms_nobody() {
    over_each_api(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        let live = stage.watch([server.endpoint()]).expect("a first snapshot");
        live.on_change(|_| panic!("of the test"));
        let witness = Witness::of(&live);
        let fields = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&fields);
        live.on(
            |flat| &flat.all,
            move |_, _| {
                seen.fetch_add(1, Ordering::Relaxed);
            },
        );
        for n in 0..5 {
            history.put("a", &n.to_string());
            witness.converges(&history, Duration::from_secs(2));
        }
        let all_heard = |status: &etcd_config::Status| {
            status.counters.callback_panics == 5 && fields.load(Ordering::Relaxed) == 5
        };
        witness.waits_for("five panics, and the others called", Duration::from_secs(2), all_heard);
        assert_eq!(live.status().counters.losses, 0);
    });
}
