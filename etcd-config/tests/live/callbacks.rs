//! Callbacks: in order, one at a time, and never in anybody's way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use etcd_config::{EtcdConfig, Live};
use etcd_config_tests::soon;

use crate::service::{SOON, Service, runtime, store, until, watch};

/// Everything that arrives until something equals `last`.
fn received_until<T: PartialEq + std::fmt::Debug>(receiver: &Receiver<T>, last: &T) -> Vec<T> {
    let mut all = Vec::new();
    while all.last() != Some(last) {
        all.push(receiver.recv_timeout(SOON).unwrap_or_else(|_| panic!("{last:?} did not come: {all:?}")));
    }
    all
}

#[test]
fn hear_each_value_once_in_order_with_the_one_before() {
    let store = store();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    settings.on(|s| &s.workers, move |old, new| sender.send((*old, *new)).unwrap());
    for n in 9..=100 {
        store.put("/service/workers", n.to_string());
        store.put("/service/level", n.to_string());
    }
    let heard = received_until(&receiver, &(99, 100));
    let expected: Vec<_> = (8..100).map(|n| (n, n + 1)).collect();
    assert_eq!(heard, expected);
}

#[test]
fn hear_nothing_of_what_was_before_them() {
    let store = store();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    settings.on_change({
        let sender = sender.clone();
        move |_| {
            std::thread::sleep(Duration::from_millis(50));
            sender.send(0).unwrap();
        }
    });
    settings.wait_for_revision(store.put("/service/workers", "1"), SOON).unwrap();
    settings.on_change(move |change| sender.send(change.after().workers).unwrap());
    store.put("/service/workers", "2");
    assert_eq!(received_until(&receiver, &2), [0, 0, 2]);
}

#[test]
fn take_projections_of_any_field_as_plain_closures() {
    let store = store();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    let strings = sender.clone();
    settings.on(|s| &s.database.url, move |old, new| strings.send(format!("{old} -> {new}")).unwrap());
    settings.on(|s| s.level.as_str(), move |old, new| sender.send(format!("{old} -> {new}")).unwrap());
    store.transaction().put("/service/database/url", "pg://b").put("/service/level", "warn").commit();
    assert_eq!(received_until(&receiver, &"info -> warn".to_owned()).len(), 2);
}

#[test]
fn that_panic_are_reported_and_the_others_still_called() {
    let store = store();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    settings.on_change(|change| assert!(change.after().workers % 2 == 0, "odd"));
    settings.on_change(move |change| sender.send(change.after().workers).unwrap());
    for n in 1..=4 {
        store.put("/service/workers", n.to_string());
    }
    assert_eq!(received_until(&receiver, &4), [1, 2, 3, 4]);
    assert_eq!(settings.status().counters.callback_panics, 2);
}

#[test]
fn may_cancel_themselves() {
    let store = store();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    let own = Arc::new(Mutex::new(None::<etcd_config::Subscription>));
    let once = settings.on_change({
        let (own, sender) = (Arc::clone(&own), sender.clone());
        move |change| {
            if let Some(subscription) = own.lock().unwrap().take() {
                subscription.cancel();
            }
            sender.send(("once", change.after().workers)).unwrap();
        }
    });
    *own.lock().unwrap() = Some(once.clone());
    settings.on_change(move |change| sender.send(("always", change.after().workers)).unwrap());
    store.put("/service/workers", "1");
    store.put("/service/workers", "2");
    assert_eq!(received_until(&receiver, &("always", 2)), [("once", 1), ("always", 1), ("always", 2)]);
    assert!(!once.is_active());
}

#[test]
fn that_are_cancelled_are_dropped_with_what_they_own() {
    let settings = watch(&store());
    let owned = Arc::new(());
    let subscription = settings.on_change({
        let owned = Arc::clone(&owned);
        move |_| drop(Arc::clone(&owned))
    });
    subscription.cancel();
    subscription.cancel();
    assert_eq!(Arc::strong_count(&owned), 1);
}

#[test]
fn stay_when_their_subscription_is_dropped() {
    let store = store();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    drop(settings.on_change(move |change| sender.send(change.revision()).unwrap()));
    let revision = store.put("/service/workers", "1");
    assert_eq!(received_until(&receiver, &revision), [revision]);
}

#[test]
fn may_call_any_method_of_their_configuration() {
    let store = store();
    let settings = Arc::new(Mutex::new(Some(watch(&store))));
    let (sender, receiver) = mpsc::channel();
    let live = settings.lock().unwrap().clone().unwrap();
    live.on_change({
        let (settings, store) = (Arc::clone(&settings), store.clone());
        move |change| {
            let Some(live) = settings.lock().unwrap().clone() else { return };
            if change.after().workers == 1 {
                let revision = store.put("/service/workers", "2");
                live.wait_for_revision(revision, SOON).unwrap();
                live.wait_until(|s| s.workers == 2, SOON).unwrap();
                live.on_change(|_| {}).cancel();
                drop((live.status(), live.changes(), live.reader().load().workers, live.snapshot()));
            }
            sender.send(live.load().workers).unwrap();
        }
    });
    store.put("/service/workers", "1");
    assert_eq!(received_until(&receiver, &2), [2]);
    drop(live);
    settings.lock().unwrap().take();
}

#[test]
fn may_drop_the_last_handle_and_are_not_called_again() {
    let store = store();
    let last = Arc::new(Mutex::new(None::<Live<Service>>));
    let calls = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = mpsc::channel();
    let settings = watch(&store);
    settings.on_change({
        let (last, calls) = (Arc::clone(&last), Arc::clone(&calls));
        move |_| {
            calls.fetch_add(1, Ordering::SeqCst);
            let handle = last.lock().unwrap().take();
            drop(handle);
            sender.send(()).unwrap();
        }
    });
    let mut changes = settings.changes();
    *last.lock().unwrap() = Some(settings);
    store.put("/service/workers", "1");
    receiver.recv_timeout(SOON).unwrap();
    store.put("/service/workers", "2");
    // The stream ends, so nothing watches any more.
    runtime().block_on(soon(async { while changes.next().await.is_some() {} }));
    // The closure is dropped after its call, and the sender with it.
    assert_eq!(receiver.recv_timeout(SOON), Err(mpsc::RecvTimeoutError::Disconnected));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn that_block_delay_neither_the_snapshot_nor_other_configurations() {
    let store = store();
    let (settings, other) = (watch(&store), watch(&store));
    let (release, blocked) = mpsc::channel::<()>();
    let (sender, receiver) = mpsc::channel();
    settings.on_change({
        let sender = sender.clone();
        move |change| {
            let _ = blocked.recv();
            sender.send(("blocked", change.after().workers)).unwrap();
        }
    });
    other.on_change(move |change| sender.send(("other", change.after().workers)).unwrap());
    let last =
        (1..=10_000).map(|n| store.put("/service/workers", n.to_string())).fold(0, |_, revision| revision);
    settings.wait_for_revision(last, SOON).unwrap();
    assert_eq!(settings.load().workers, 10_000);
    received_until(&receiver, &("other", 10_000));
    drop(release);
    let heard = received_until(&receiver, &("blocked", 10_000));
    assert!(heard.len() < 5_000, "{} calls wait for one that blocks", heard.len());
    assert!(heard.is_sorted());
}

#[test]
fn that_are_behind_get_the_rest_as_one_change() {
    let store = store();
    let settings = watch(&store);
    let (release, blocked) = mpsc::channel::<()>();
    let (sender, receiver) = mpsc::channel();
    settings.on_change(move |change| {
        let _ = blocked.recv();
        let ends = (change.before().workers, change.after().workers, change.missed());
        sender.send((ends, change.keys().to_vec())).unwrap();
    });
    for n in 1..=3_000 {
        store.put(format!("/service/features/{:02}", n % 50), (n % 100 < 50).to_string());
        store.put("/service/workers", n.to_string());
    }
    settings.wait_until(|s| s.workers == 3_000, SOON).unwrap();
    drop(release);
    let mut seen = 8;
    let mut keys = 0;
    while seen != 3_000 {
        let ((old, new, missed), changed) = receiver.recv_timeout(SOON).unwrap();
        assert_eq!(old, seen);
        // Each put is of another key than the one before. Where the machine stalls, and decoding is slow,
        // several puts become one snapshot, so that not each key beyond the first is one that was missed.
        assert!(missed == 0 || changed.len() > 1, "{missed} missed, {changed:?} changed");
        seen = new;
        keys = keys.max(changed.len());
    }
    assert_eq!(keys, 51);
}

#[test]
fn that_never_return_do_not_hold_up_the_end() {
    let store = store();
    let settings = watch(&store);
    let (_release, blocked) = mpsc::channel::<()>();
    let blocked = Mutex::new(blocked);
    let (sender, receiver) = mpsc::channel();
    settings.on_change(move |_| {
        sender.send(()).unwrap();
        let _ = blocked.lock().unwrap().recv();
    });
    store.put("/service/workers", "1");
    receiver.recv_timeout(SOON).unwrap();
    let before = Instant::now();
    drop(settings);
    assert!(before.elapsed() < Duration::from_secs(2));
}

#[test]
fn can_be_waited_for() {
    let store = store();
    let settings = watch(&store);
    let heard = Arc::new(AtomicUsize::new(0));
    for _ in 0..3 {
        let counted = Arc::clone(&heard);
        settings.on_change(move |_| {
            std::thread::sleep(Duration::from_millis(20));
            counted.fetch_add(1, Ordering::SeqCst);
        });
    }
    let rejected = Arc::clone(&heard);
    settings.on_rejected(move |_| _ = rejected.fetch_add(100, Ordering::SeqCst));
    settings.on_change(|_| panic!("this counts as having run"));
    for n in 1..=5 {
        settings.wait_for_callbacks(store.put("/service/workers", n.to_string()), SOON).unwrap();
        assert_eq!(heard.load(Ordering::SeqCst), n * 3);
    }
    settings.wait_for_callbacks(store.put("/service/workers", "many"), SOON).unwrap();
    assert_eq!(heard.load(Ordering::SeqCst), 115, "those of a refusal, too");
    let revision = store.put("/service/workers", "6");
    runtime().block_on(settings.wait_for_callbacks_async(revision, SOON)).unwrap();
    assert_eq!(heard.load(Ordering::SeqCst), 118);
    settings.wait_for_callbacks(store.put("/elsewhere", "1"), SOON).unwrap();
}

#[test]
fn are_waited_for_no_longer_than_the_limit_or_the_watch() {
    let store = store();
    let settings = watch(&store);
    let (release, blocked) = mpsc::channel::<()>();
    settings.on_change(move |_| _ = blocked.recv());
    let revision = store.put("/service/workers", "1");
    let limit = Duration::from_millis(50);
    let error = settings.wait_for_callbacks(revision, limit).unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("callbacks"), "{error}");
    assert!(runtime().block_on(settings.wait_for_callbacks_async(revision, limit)).unwrap_err().is_timeout());
    let waiting = settings.clone();
    let waiter = std::thread::spawn(move || waiting.wait_for_callbacks(revision, SOON));
    std::thread::sleep(Duration::from_millis(50));
    settings.close(SOON).unwrap();
    assert!(waiter.join().unwrap().unwrap_err().is_stopped());
    drop(release);
}

#[test]
fn cannot_wait_for_themselves() {
    let store = store();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    let (own, handle) = mpsc::channel::<Live<Service>>();
    settings.on_change(move |change| {
        let live = handle.recv().unwrap();
        sender.send(live.wait_for_callbacks(change.revision(), SOON).unwrap_err().to_string()).unwrap();
    });
    store.put("/service/workers", "1");
    own.send(settings.clone()).unwrap();
    let said = receiver.recv_timeout(SOON).unwrap();
    assert!(said.contains("cannot wait"), "{said}");
}

#[test]
fn are_called_on_the_callers_runtime_too() {
    runtime().block_on(async {
        let store = store();
        let settings = Service::watch_async(&store).await.unwrap();
        let (sender, receiver) = mpsc::channel();
        settings.on(|s| &s.workers, move |_, new| sender.send(*new).unwrap());
        let revision = store.put("/service/workers", "1");
        settings.wait_for_revision_async(revision, SOON).await.unwrap();
        assert_eq!(tokio::task::spawn_blocking(move || received_until(&receiver, &1)).await.unwrap(), [1]);
    });
}

#[test]
fn that_come_while_others_are_behind_begin_with_what_is_in_force() {
    let store = store();
    let settings = watch(&store);
    let (release, blocked) = mpsc::channel::<()>();
    settings.on_change(move |_| {
        let _ = blocked.recv();
    });
    for n in 1..=1_200 {
        store.put("/service/workers", n.to_string());
    }
    settings.wait_until(|s| s.workers == 1_200, SOON).unwrap();
    let (sender, receiver) = mpsc::channel();
    settings.on(|s| &s.workers, move |old, new| sender.send((*old, *new)).unwrap());
    store.put("/service/workers", "7");
    settings.wait_until(|s| s.workers == 7, SOON).unwrap();
    drop(release);
    assert_eq!(receiver.recv_timeout(SOON).unwrap(), (1_200, 7));
}

#[test]
fn that_follow_have_the_value_of_now_first_and_miss_no_change_that_is_written_meanwhile() {
    for delay in 0..300 {
        let store = store();
        let settings = watch(&store);
        let start = Arc::new(std::sync::Barrier::new(2));
        let writer = std::thread::spawn({
            let (store, start) = (store.clone(), Arc::clone(&start));
            move || {
                start.wait();
                for n in ["9", "10", "11"] {
                    store.put("/service/workers", n);
                }
            }
        });
        let (sender, receiver) = mpsc::channel();
        start.wait();
        // Everywhere between before the first of them and after the last.
        std::thread::sleep(Duration::from_micros(delay));
        settings.follow(
            |s| &s.workers,
            move |workers| {
                std::thread::sleep(Duration::from_micros(200));
                sender.send(*workers).unwrap();
            },
        );
        let heard = received_until(&receiver, &11);
        assert!(heard.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once: {heard:?}");
        writer.join().unwrap();
    }
}

#[test]
fn that_follow_are_called_before_the_call_returns() {
    let store = store();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    let caller = std::thread::current().id();
    let subscription = settings.follow(
        |s| s.level.as_str(),
        move |level| sender.send((level.to_owned(), std::thread::current().id() == caller)).unwrap(),
    );
    assert_eq!(receiver.try_recv().unwrap(), ("info".to_owned(), true));
    store.put("/service/workers", "9");
    store.put("/service/level", "debug");
    assert_eq!(receiver.recv_timeout(SOON).unwrap(), ("debug".to_owned(), false));
    subscription.cancel();
    settings.wait_for_revision(store.put("/service/level", "trace"), SOON).unwrap();
    assert!(receiver.recv_timeout(SOON).is_err(), "cancelled, it is dropped");
}

#[test]
fn that_follow_hear_what_is_written_during_their_first_call() {
    let store = store();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    let (inner, writer) = (settings.clone(), store.clone());
    // The callback must not own a handle of its own configuration for ever: this one ends with the test.
    let subscription = settings.follow(
        |s| &s.workers,
        move |workers| {
            if *workers == 8 {
                inner.wait_for_revision(writer.put("/service/workers", "9"), SOON).unwrap();
            }
            sender.send(*workers).unwrap();
        },
    );
    assert_eq!(received_until(&receiver, &9), [8, 9]);
    store.put("/service/workers", "10");
    assert_eq!(received_until(&receiver, &10), [10]);
    subscription.cancel();
}

#[test]
fn that_follow_and_panic_at_once_panic_for_the_caller_and_are_gone() {
    let store = store();
    let settings = watch(&store);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let first = std::panic::AssertUnwindSafe(|| {
        settings.follow(
            |s| &s.workers,
            move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                panic!("not this one");
            },
        )
    });
    assert!(std::panic::catch_unwind(first).is_err());
    let (sender, receiver) = mpsc::channel();
    settings.on(|s| &s.workers, move |_, new| sender.send(*new).unwrap());
    store.put("/service/workers", "9");
    received_until(&receiver, &9);
    assert_eq!((calls.load(Ordering::Relaxed), settings.status().counters.callback_panics), (1, 0));
}

#[test]
fn that_follow_and_panic_later_stay_subscribed() {
    let store = store();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    settings.follow(
        |s| &s.workers,
        move |workers| {
            sender.send(*workers).unwrap();
            assert_ne!(*workers, 9, "not this one");
        },
    );
    for n in ["9", "10"] {
        store.put("/service/workers", n);
        received_until(&receiver, &n.parse().unwrap());
    }
    assert_eq!(settings.status().counters.callback_panics, 1);
}

#[test]
fn that_are_subscribed_before_the_value_is_loaded_miss_no_change() {
    for _ in 0..300 {
        let store = store();
        let settings = watch(&store);
        let writer = std::thread::spawn({
            let store = store.clone();
            move || store.put("/service/workers", "9")
        });
        let (sender, receiver) = mpsc::channel();
        settings.on(|s| &s.workers, move |_, new| sender.send(*new).unwrap());
        let mut changes = settings.changes();
        if settings.load().workers != 9 {
            received_until(&receiver, &9);
            let change = runtime().block_on(soon(changes.next())).unwrap();
            assert_eq!(change.after().workers, 9);
        }
        writer.join().unwrap();
    }
}

#[test]
fn that_follow_and_are_subscribed_anywhere_end_with_what_is_in_force() {
    let store = store();
    let settings = watch(&store);
    let heard: Arc<Mutex<Vec<Vec<u32>>>> = Arc::default();
    let follow = {
        let (settings, heard) = (settings.clone(), Arc::clone(&heard));
        move || {
            let place = {
                let mut heard = heard.lock().unwrap();
                heard.push(Vec::new());
                heard.len() - 1
            };
            let heard = Arc::clone(&heard);
            settings.follow(|s| &s.workers, move |workers| heard.lock().unwrap()[place].push(*workers))
        }
    };
    // From threads, and from within a callback that follows itself.
    let within = follow.clone();
    let mut rounds = 0;
    let outer = settings.follow(
        |s| &s.workers,
        move |_| {
            rounds += 1;
            if rounds % 8 == 0 {
                within();
            }
        },
    );
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let follow = follow.clone();
            std::thread::spawn(move || {
                for _ in 0..10 {
                    follow();
                    std::thread::sleep(Duration::from_millis(1));
                }
            })
        })
        .collect();
    let base = store.revision();
    for n in 0..200 {
        store.put("/service/workers", n.to_string());
        match n % 40 {
            9 => drop(store.put("/service/workers", "many")),
            19 => drop(store.rewind(base)),
            29 => store.compact(store.revision()),
            39 => store.cut(),
            _ => {}
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    until("the last", || {
        store.put("/service/workers", "777");
        settings.load().workers == 777 && settings.status().state.is_watching()
    });
    settings.wait_for_revision(store.revision(), SOON).unwrap();
    settings.wait_for_callbacks(store.revision(), SOON).unwrap();
    outer.cancel();
    for heard in heard.lock().unwrap().iter() {
        assert_eq!(heard.last(), Some(&777), "{heard:?}");
        assert!(heard.windows(2).all(|pair| pair[0] != pair[1]), "{heard:?}");
    }
}
