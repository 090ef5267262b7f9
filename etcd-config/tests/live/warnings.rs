//! Warnings are heard of when somebody writes what they are about.

use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_client_core::Transaction;
use etcd_config::{EtcdConfig, Live, MemoryStore, ProblemKind, State, Subscription};

use crate::service::{SOON, Service, store, watch};

/// The keys that are warned of from now on.
fn warned<T: Send + Sync + 'static>(settings: &Live<T>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    settings.on_warning(move |warning| sender.send(warning.key().to_owned()).unwrap());
    receiver
}

fn heard<T: Send + Sync + 'static>(
    settings: &Live<T>,
    receiver: &Receiver<String>,
    revision: u64,
) -> Vec<String> {
    settings.wait_for_callbacks(revision, SOON).unwrap();
    receiver.try_iter().collect()
}

#[test]
fn come_when_a_misspelt_key_is_written_and_the_status_has_them_by_then() {
    let store = store();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    let handle = settings.clone();
    let subscription = settings.on_warning(move |warning| {
        let is_in_status = handle.status().warnings.contains(warning);
        sender.send((warning.clone(), is_in_status)).unwrap();
    });
    store.put("/service/levle", "debug");
    let (warning, is_in_status) = receiver.recv_timeout(SOON).unwrap();
    assert_eq!((warning.kind(), warning.key()), (ProblemKind::Unknown, "/service/levle"));
    assert!(warning.to_string().contains("did you mean level?"), "{warning}");
    assert!(is_in_status);
    subscription.cancel();
}

#[test]
fn come_once_for_each_key_however_often_it_is_written() {
    let store = store();
    let settings = watch(&store);
    let warned = warned(&settings);
    let both = store.transaction().put("/service/levle", "a").put("/service/wrokers", "1").commit();
    assert_eq!(heard(&settings, &warned, both), ["/service/levle", "/service/wrokers"]);
    store.put("/service/levle", "b");
    store.delete("/service/levle");
    let again = store.put("/service/levle", "c");
    assert_eq!(heard(&settings, &warned, again), [""; 0]);
    let other = store.put("/service/lvl", "c");
    assert_eq!(heard(&settings, &warned, other), ["/service/lvl"]);
}

#[test]
fn come_not_for_what_was_there_before() {
    let store = store();
    store.put("/service/levle", "debug");
    let settings = watch(&store);
    let warned = warned(&settings);
    assert_eq!(settings.status().warnings.len(), 1);
    // A change that is published, and one that is not.
    let published = store.put("/service/workers", "4");
    assert_eq!(heard(&settings, &warned, published), [""; 0]);
    let unknown = store.put("/service/lvl", "debug");
    assert_eq!(heard(&settings, &warned, unknown), ["/service/lvl"]);
    // Who subscribes later hears of what comes later.
    let later = self::warned(&settings);
    let unknown = store.put("/service/lefel", "debug");
    assert_eq!(heard(&settings, &later, unknown), ["/service/lefel"]);
}

#[test]
fn come_for_old_names_and_deprecated_keys_and_line_breaks() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/service")]
    struct Renamed {
        #[etcd(default = "info", alias = "loglevel")]
        level: String,
        #[etcd(default = 1, deprecated = "use workers")]
        threads: u32,
        #[etcd(default = "eu")]
        region: String,
    }
    let store = MemoryStore::new();
    let settings = Renamed::watch(&store).unwrap();
    let (sender, receiver) = mpsc::channel();
    settings.on_warning(move |warning| sender.send(warning.kind()).unwrap());
    store.put("/service/loglevel", "debug");
    store.put("/service/threads", "4");
    let last = store.put("/service/region", "us\n");
    settings.wait_for_callbacks(last, SOON).unwrap();
    let kinds: Vec<_> = receiver.try_iter().collect();
    assert_eq!(kinds, [ProblemKind::Alias, ProblemKind::Deprecated, ProblemKind::OddText]);
    let settings = settings.load();
    assert_eq!((&*settings.level, settings.threads, &*settings.region), ("debug", 4, "us\n"));
}

#[test]
fn come_in_order_with_changes_and_rejections_and_on_the_same_thread() {
    let store = store();
    let settings = watch(&store);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let heard = Arc::clone(&heard);
        move || heard.lock().unwrap().push((what, std::thread::current().id()))
    };
    let (change, rejection, warning) = (note("change"), note("rejection"), note("warning"));
    settings.on_warning(move |_| warning());
    settings.on_rejected(move |_| rejection());
    settings.on_change(move |_| change());
    store.put("/service/levle", "1");
    store.transaction().put("/service/workers", "3").put("/service/wrokers", "3").commit();
    let refused = store.transaction().put("/service/workers", "few").put("/service/lvl", "3").commit();
    settings.wait_for_callbacks(refused, SOON).unwrap();
    let heard = heard.lock().unwrap();
    let whats: Vec<_> = heard.iter().map(|(what, _)| *what).collect();
    assert_eq!(whats, ["warning", "change", "warning", "rejection", "warning"]);
    assert!(heard.iter().all(|(_, thread)| *thread == heard[0].1 && *thread != std::thread::current().id()));
}

#[test]
fn come_all_to_callbacks_that_are_slower_than_the_store() {
    const KEYS: usize = 900;
    let store = store();
    // So many keys that few steps may wait for callbacks.
    let many =
        (0..30_000).fold(store.transaction(), |all, n| all.put(format!("/service/features/{n}"), "true"));
    many.commit();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    settings.on_warning(move |warning| {
        std::thread::sleep(Duration::from_millis(1));
        sender.send(warning.key().to_owned()).unwrap();
    });
    for n in 0..KEYS {
        store.put(format!("/service/unknown-{n:03}"), "1");
        if n % 100 == 99 {
            // What is counted only is named when there is room.
            let gone = (n - 99..=n).map(|n| format!("/service/unknown-{n:03}"));
            let revision = store.put("/service/workers", n.to_string());
            settings.wait_for_revision(revision, SOON).unwrap();
            gone.fold(store.transaction(), Transaction::delete).commit();
        }
    }
    settings.wait_for_callbacks(store.revision(), SOON).unwrap();
    let wanted: Vec<_> = (0..KEYS).map(|n| format!("/service/unknown-{n:03}")).collect();
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), wanted);
}

#[test]
fn come_while_a_commit_key_or_a_debounce_holds_values_back() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/service", commit_key = "version")]
    struct Committed {
        #[etcd(default = 8)]
        workers: u32,
    }
    let store = MemoryStore::new();
    let settings = Committed::watch(&store).unwrap();
    let receiver = warned(&settings);
    store.transaction().put("/service/workers", "4").put("/service/wrokers", "4").commit();
    assert_eq!(receiver.recv_timeout(SOON).unwrap(), "/service/wrokers");
    assert_eq!(settings.load().workers, 8, "not committed");

    let store = self::store();
    let settings = Service::options().debounce(Duration::from_millis(50)).watch(&store).unwrap();
    let receiver = warned(&settings);
    store.put("/service/workers", "4");
    let last = store.put("/service/wrokers", "4");
    assert_eq!(heard(&settings, &receiver, last), ["/service/wrokers"]);
    assert_eq!(settings.load().workers, 4);
}

#[test]
fn that_panic_are_counted_and_the_others_go_on() {
    let store = store();
    let settings = watch(&store);
    settings.on_warning(|warning| panic!("{warning}"));
    let warned = warned(&settings);
    let revision = store.put("/service/levle", "debug");
    assert_eq!(heard(&settings, &warned, revision), ["/service/levle"]);
    assert_eq!(settings.status().counters.callback_panics, 1);
}

#[test]
fn of_one_update_are_calls_of_their_own() {
    let three = |store: &MemoryStore| {
        let keys = ["/service/levle", "/service/lvl", "/service/wrokers"];
        keys.iter().fold(store.transaction(), |all, key| all.put(*key, "1")).commit()
    };
    // One that panics gets the others all the same.
    let store = store();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    settings.on_warning(move |warning| {
        sender.send(warning.key().to_owned()).unwrap();
        assert_ne!(warning.key(), "/service/levle");
    });
    assert_eq!(heard(&settings, &receiver, three(&store)).len(), 3);
    assert_eq!(settings.status().counters.callback_panics, 1);

    // One that cancels itself gets no more.
    let store = self::store();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    let subscription = Arc::new(Mutex::new(None::<Subscription>));
    let own = Arc::clone(&subscription);
    *subscription.lock().unwrap() = Some(settings.on_warning(move |warning| {
        own.lock().unwrap().as_ref().unwrap().cancel();
        sender.send(warning.key().to_owned()).unwrap();
    }));
    assert_eq!(heard(&settings, &receiver, three(&store)), ["/service/levle"]);

    // After the end of the watch no call begins.
    let store = self::store();
    let settings = watch(&store);
    let (sender, receiver) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    settings.on_warning(move |warning| {
        sender.send(warning.key().to_owned()).unwrap();
        wait.recv().ok();
    });
    three(&store);
    assert_eq!(receiver.recv_timeout(SOON).unwrap(), "/service/levle");
    let handle = settings.clone();
    let closing = std::thread::spawn(move || handle.close(SOON));
    while !matches!(settings.status().state, State::Stopped) {
        std::thread::sleep(Duration::from_millis(1));
    }
    closing.join().unwrap().ok();
    drop(go_on);
    assert_eq!(receiver.recv_timeout(SOON), Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn end_with_a_word_on_that_after_very_many_keys() {
    let store = store();
    let settings = watch(&store);
    let warned = warned(&settings);
    for round in 0..12 {
        let keys = || (0..100).map(|n| format!("/service/unknown/{round:02}-{n:02}"));
        keys().fold(store.transaction(), |all, key| all.put(key, "1")).commit();
        let gone = keys().fold(store.transaction(), Transaction::delete).commit();
        settings.wait_for_callbacks(gone, SOON).unwrap();
    }
    let heard: Vec<_> = warned.try_iter().collect();
    assert_eq!(heard.len(), 1_001);
    assert_eq!(heard[1_000], "/service", "that there is no more to hear");
}

#[test]
fn come_for_keys_that_are_no_path_when_there_is_room() {
    let store = store();
    let settings = watch(&store);
    let deep = format!("/service/{}zz", "a/".repeat(70));
    let named = || (0..100).map(|n| format!("/service/Unknown/{n:02}"));
    let many = named().fold(store.transaction(), |all, key| all.put(key, "1"));
    many.put(&*deep, "1").put("/service/unknown/\u{fffd}", "1").commit();
    let revision = store.put(b"/service/unknown/\xff".to_vec(), "1");
    settings.wait_for_revision(revision, SOON).unwrap();
    let keys = || -> Vec<String> {
        settings.status().warnings.iter().map(|warning| warning.key().to_owned()).collect()
    };
    assert_eq!(keys().len(), 101);
    let mut gone = named();
    let few = gone.by_ref().take(1).fold(store.transaction(), Transaction::delete).commit();
    settings.wait_for_revision(few, SOON).unwrap();
    assert_eq!(keys().len(), 101);
    let all = gone.fold(store.transaction(), Transaction::delete).commit();
    settings.wait_for_revision(all, SOON).unwrap();
    assert_eq!(keys(), [deep, "/service/unknown/\u{fffd}".to_owned()]);
}

#[test]
fn come_when_the_last_key_that_a_field_reads_is_gone() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/all-defaults")]
    struct Defaults {
        #[etcd(default = 8)]
        workers: u32,
    }
    let store = MemoryStore::from([("/all-defaults/workers", "5")]);
    let settings = Defaults::watch(&store).unwrap();
    let warned = warned(&settings);
    let gone = store.delete("/all-defaults/workers");
    assert_eq!(heard(&settings, &warned, gone), ["/all-defaults"]);
    assert_eq!((settings.load().workers, settings.status().warnings.len()), (8, 1));
    let back = store.put("/all-defaults/workers", "6");
    assert_eq!(heard(&settings, &warned, back), [""; 0]);
    assert!(settings.status().warnings.is_empty());
}
