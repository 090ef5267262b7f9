//! Changes as a stream.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_config::{Cause, EtcdConfig, Live, MemoryStore};
use etcd_config_tests::soon;
use serde::Deserialize;

use crate::service::{SOON, Service, runtime, store, until, watch};

struct PanickingWaker;

impl std::task::Wake for PanickingWaker {
    fn wake(self: std::sync::Arc<Self>) {
        panic!("of a waker");
    }
}

#[test]
fn a_waker_that_panics_harms_no_other_reader_and_no_callback() {
    let store = store();
    let settings = watch(&store);
    let (mut first, mut second) = (settings.changes(), settings.changes());
    let (sender, receiver) = std::sync::mpsc::channel();
    settings.on_change(move |change| sender.send(change.after().workers).unwrap());
    let waker = std::sync::Arc::new(PanickingWaker).into();
    let mut next = std::pin::pin!(first.next());
    assert!(next.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    store.put("/service/workers", "1");
    assert_eq!(runtime().block_on(soon(second.next())).unwrap().after().workers, 1);
    assert_eq!(receiver.recv_timeout(crate::service::SOON), Ok(1));
    assert_eq!(settings.status().counters.lists, 1, "nothing had to begin again");
}

#[test]
fn come_one_by_one_to_who_keeps_up() {
    runtime().block_on(async {
        let store = store();
        let settings = Service::watch_async(&store).await.unwrap();
        let mut changes = settings.changes();
        for n in 1..=10 {
            let revision = store.put("/service/workers", n.to_string());
            let change = soon(changes.next()).await.unwrap();
            assert_eq!((change.after().workers, change.missed(), change.revision()), (n, 0, revision));
            assert_eq!(change.keys().iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["/service/workers"]);
            assert_eq!(change.cause(), Cause::Watch);
        }
    });
}

#[test]
fn come_as_one_to_who_is_slow_with_how_many_were_missed() {
    let store = store();
    let settings = watch(&store);
    let mut changes = settings.changes();
    store.put("/service/level", "debug");
    let last = (1..=99).map(|n| store.put("/service/workers", n.to_string())).fold(0, |_, revision| revision);
    settings.wait_for_revision(last, SOON).unwrap();
    let change = runtime().block_on(soon(changes.next())).unwrap();
    assert_eq!((change.before().workers, change.after().workers, change.missed()), (8, 99, 99));
    assert_eq!(change.keys().len(), 2);
}

#[test]
fn end_with_the_last_handle_after_the_last_change() {
    let store = store();
    let settings = watch(&store);
    let mut changes = settings.changes();
    settings.wait_for_revision(store.put("/service/workers", "1"), SOON).unwrap();
    drop(settings);
    runtime().block_on(async {
        assert_eq!(soon(changes.next()).await.map(|change| change.after().workers), Some(1));
        assert!(soon(changes.next()).await.is_none());
    });
}

#[test]
fn wake_a_reader_that_waits() {
    let store = store();
    let settings = watch(&store);
    let mut changes = settings.changes();
    let reader =
        std::thread::spawn(move || runtime().block_on(soon(changes.next())).unwrap().after().workers);
    std::thread::sleep(Duration::from_millis(20));
    store.put("/service/workers", "7");
    assert_eq!(reader.join().unwrap(), 7);
}

#[test]
fn end_at_once_for_who_comes_when_nothing_is_followed_any_more() {
    let runtime = runtime();
    let settings = runtime.block_on(Service::watch_async(&store())).unwrap();
    drop(runtime);
    let mut changes = settings.changes();
    assert!(crate::service::runtime().block_on(soon(changes.next())).is_none());
}

/// One field of each kind.
#[derive(EtcdConfig)]
#[etcd(prefix = "/kinds")]
struct Kinds {
    #[etcd(default = 1)]
    number: u32,
    #[etcd(default = "a")]
    text: String,
    #[etcd(with = humantime_serde, default = "1s")]
    timeout: Duration,
    #[etcd(default = "[80, 443]")]
    ports: Vec<u16>,
    limits: Option<Opaque>,
    #[etcd(default = 1, restart)]
    workers: u32,
    #[etcd(default = 1, alias = "old/name")]
    renamed: u32,
    #[etcd(default = 1, key = "/kinds/absolute")]
    absolute: u32,
    #[etcd(map)]
    features: HashMap<String, bool>,
    #[etcd(nested)]
    inner: Inner,
    #[etcd(nested)]
    maybe: Option<Inner>,
    #[etcd(nested)]
    many: BTreeMap<String, Inner>,
}

#[derive(EtcdConfig)]
struct Inner {
    #[etcd(default = 1)]
    size: u32,
}

/// A type that cannot be compared.
#[derive(Deserialize)]
struct Opaque {
    #[allow(dead_code)]
    burst: u32,
}

impl Kinds {
    fn watch_from(pairs: &[(&str, &str)]) -> (MemoryStore, Live<Self>) {
        let pairs: Vec<_> =
            pairs.iter().map(|(key, value)| (format!("/kinds/{key}"), (*value).to_owned())).collect();
        let store = MemoryStore::from_iter(pairs);
        let settings = Self::watch(&store).unwrap();
        (store, settings)
    }
}

/// What is there, what is written, and whether that is another value.
type Case = (&'static [(&'static str, &'static str)], (&'static str, Option<&'static str>), bool);

const CASES: &[Case] = &[
    // Other texts for the same value.
    (&[("number", "1")], ("number", Some(" 1")), false),
    (&[("number", "1")], ("number", Some("+1")), false),
    (&[("number", "1")], ("number", None), false),
    (&[], ("number", Some("1")), false),
    (&[("timeout", "1s")], ("timeout", Some("1000ms")), false),
    (&[("ports", "[80]")], ("ports", Some("[ 80 ]")), false),
    (&[("features/beta", "true")], ("features/beta", Some(" true")), false),
    (&[("inner/size", "1")], ("inner/size", Some("1 ")), false),
    (&[("maybe/size", "1")], ("maybe/size", Some("1 ")), false),
    (&[("many/a/size", "1")], ("many/a/size", Some("1 ")), false),
    (&[("absolute", "2")], ("absolute", Some(" 2")), false),
    (&[("old/name", "2")], ("old/name", Some(" 2")), false),
    (&[("old/name", "2")], ("renamed", Some("2")), false),
    (&[("old/name", "2"), ("renamed", "2")], ("renamed", None), false),
    // Nobody reads it.
    (&[], ("heartbeat", Some("1")), false),
    (&[("heartbeat", "1")], ("heartbeat", None), false),
    (&[("heartbeat", "1")], ("heartbeat", Some("2")), false),
    (&[], ("inner/heartbeat", Some("1")), false),
    (&[], ("text/below", Some("1")), false),
    (&[], ("features/beta/below", Some("1")), false),
    // It waits for a restart.
    (&[], ("workers", Some("2")), false),
    // Other values.
    (&[("number", "1")], ("number", Some("2")), true),
    (&[("number", "2")], ("number", None), true),
    (&[], ("text", Some(" a")), true),
    (&[], ("timeout", Some("2s")), true),
    (&[], ("ports", Some("[80]")), true),
    (&[("features/beta", "true")], ("features/beta", Some("false")), true),
    (&[("features/beta", "true")], ("features/beta", None), true),
    (&[], ("features/beta", Some("true")), true),
    (&[], ("inner/size", Some("2")), true),
    (&[("maybe/size", "1")], ("maybe/size", Some("2")), true),
    (&[("maybe/size", "1")], ("maybe/size", None), true),
    (&[], ("maybe/size", Some("1")), true),
    // Any key makes the directory one that is there.
    (&[], ("maybe/heartbeat", Some("1")), true),
    (&[], ("many/a/heartbeat", Some("1")), true),
    (&[("many/a/size", "1")], ("many/a/size", None), true),
    (&[("many/a/size", "1")], ("many/b/size", Some("1")), true),
    (&[], ("absolute", Some("2")), true),
    (&[("old/name", "2")], ("renamed", Some("3")), true),
    (&[("old/name", "2"), ("renamed", "3")], ("renamed", None), true),
    // What cannot be compared is compared as text.
    (&[("limits", "{\"burst\":1}")], ("limits", Some("{\"burst\": 1}")), true),
    (&[("limits", "{\"burst\":1}")], ("limits", None), true),
];

#[test]
fn come_when_a_value_has_really_changed() {
    for (number, (pairs, (key, value), differs)) in CASES.iter().enumerate() {
        // Read anew, and brought up to date.
        for warm in [false, true] {
            let case = format!("case {number}: {pairs:?}, then {key} = {value:?}, warm: {warm}");
            let (store, settings) = Kinds::watch_from(pairs);
            for text in if warm { &["b", "c", "a"][..] } else { &[] } {
                settings.wait_for_revision(store.put("/kinds/text", *text), SOON).unwrap();
            }
            let heard = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&heard);
            settings.on_change(move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
            });
            let (before, snapshots) = (settings.snapshot(), settings.status().counters.snapshots);
            let key = format!("/kinds/{key}");
            let revision = match value {
                Some(value) => store.put(key, *value),
                None => store.delete(key),
            };
            settings.wait_for_revision(revision, SOON).unwrap_or_else(|error| panic!("{case}: {error}"));
            assert_eq!(!Arc::ptr_eq(&before, &settings.snapshot()), *differs, "{case}");
            let status = settings.status();
            assert_eq!(status.revision, revision, "{case}");
            assert_eq!(status.counters.snapshots - snapshots, u64::from(*differs), "{case}");
            assert_eq!(status.snapshot_revision, settings.load().revision(), "{case}");
            // The next one is heard of, so that what was not heard did not happen.
            settings.wait_for_revision(store.put("/kinds/text", "z"), SOON).unwrap();
            let expected = usize::from(*differs) + 1;
            until(&case, || heard.load(Ordering::Relaxed) == expected);
        }
    }
}

#[test]
fn of_what_nobody_reads_cost_no_snapshot_and_one_warning() {
    let (store, settings) = Kinds::watch_from(&[]);
    let before = settings.snapshot();
    let last = (0..1_000).fold(0, |_, n| store.put("/kinds/heartbeat", n.to_string()));
    settings.wait_for_revision(last, SOON).unwrap();
    assert!(Arc::ptr_eq(&before, &settings.snapshot()));
    let status = settings.status();
    assert_eq!((status.counters.snapshots, status.warnings.len()), (1, 1), "{status}");
    assert_eq!(status.warnings[0].revision(), Some(last));
}

#[test]
fn of_what_nobody_reads_do_not_try_a_refused_update_again() {
    let (store, settings) = Kinds::watch_from(&[]);
    let refused = store.put("/kinds/number", "x");
    assert!(settings.wait_for_revision(refused, SOON).unwrap_err().is_invalid());
    let unread = store.put("/kinds/heartbeat", "1");
    assert!(settings.wait_for_revision(unread, SOON).unwrap_err().is_invalid());
    assert_eq!(settings.status().counters.rejections, 1);
    // Nor is it forgotten.
    settings.wait_for_revision(store.put("/kinds/number", "2"), SOON).unwrap();
    assert_eq!(settings.load().number, 2);
}

#[test]
fn of_a_value_that_was_refused_and_is_as_before_end_the_refusal() {
    let (store, settings) = Kinds::watch_from(&[("number", "1")]);
    let before = settings.snapshot();
    let refused = store.put("/kinds/number", "x");
    assert!(settings.wait_for_revision(refused, SOON).unwrap_err().is_invalid());
    settings.wait_for_revision(store.put("/kinds/number", " 1"), SOON).unwrap();
    assert!(Arc::ptr_eq(&before, &settings.snapshot()));
    let status = settings.status();
    assert!(status.refused_since.is_none() && status.state.is_watching(), "{status}");
}

#[test]
fn of_a_restart_field_are_said_to_wait_and_make_none() {
    let (store, settings) = Kinds::watch_from(&[]);
    settings.wait_for_revision(store.put("/kinds/workers", "2"), SOON).unwrap();
    let status = settings.status();
    assert_eq!((status.pending.len(), status.counters.snapshots), (1, 1), "{status}");
    settings.wait_for_revision(store.delete("/kinds/workers"), SOON).unwrap();
    assert!(settings.status().pending.is_empty());
}
