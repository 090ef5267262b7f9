//! Builds that block, and come to an end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use etcd_config::{EtcdConfig, MemoryStore, ProblemKind};
use etcd_config_tests::{SOON, until};

use crate::Shop;

type Log = Arc<Mutex<Vec<String>>>;

/// Says when it is dropped.
struct Noted(String, Log);

impl Drop for Noted {
    fn drop(&mut self) {
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        self.1.lock().unwrap().push(format!("{} on {thread}", self.0));
    }
}

#[test]
fn is_made_first_and_again_when_its_part_changes() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let builds = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&builds);
    let doubled = settings.resource(
        |s| &s.size,
        move |size| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok::<_, String>(size * 2)
        },
    );
    let doubled = doubled.unwrap();
    assert_eq!((*doubled.load(), builds.load(Ordering::SeqCst)), (2, 1));
    let other = store.put("/shop/other", "7");
    settings.wait_for_revision(other, SOON).unwrap();
    assert_eq!((*doubled.load(), builds.load(Ordering::SeqCst)), (2, 1), "its part is the same");
    let revision = store.put("/shop/size", "5");
    settings.wait_for_revision(revision, SOON).unwrap();
    assert_eq!((*doubled.load(), *doubled.load_full(), builds.load(Ordering::SeqCst)), (10, 10, 2));
    let again = store.put("/shop/size", "05");
    settings.wait_for_revision(again, SOON).unwrap();
    assert_eq!(builds.load(Ordering::SeqCst), 2, "another text for the same value");
}

#[test]
fn is_made_of_what_is_computed() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let address = settings.resource_from(
        |s| (s.host.clone(), s.size),
        |(host, size)| Ok::<_, String>(format!("{host}x{size}")),
    );
    let address = address.unwrap();
    let keep = address.load_full();
    for (key, value, expected) in
        [("size", "2", "dbx2"), ("host", "ab", "abx2"), ("other", "9", "abx2"), ("size", "1", "abx1")]
    {
        let revision = store.put(format!("/shop/{key}"), value);
        settings.wait_for_revision(revision, SOON).unwrap();
        assert_eq!(*address.load(), expected);
    }
    assert_eq!(*keep, "dbx1", "what is kept stays");
}

#[test]
fn a_failure_refuses_the_update_and_both_stay() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let refuse = |size: &u32| if *size == 13 { Err("connection refused") } else { Ok(*size) };
    let pool = settings.building().name("pool").resource(|s| &s.size, refuse).unwrap();
    let heard = Log::default();
    let log = Arc::clone(&heard);
    settings.on_rejected(move |rejection| log.lock().unwrap().push(format!("{rejection:?}")));
    let refused = store.transaction().put("/shop/size", "13").put("/shop/host", "new").commit();
    let error = settings.wait_for_revision(refused, SOON).unwrap_err();
    let [problem] = error.problems() else { panic!("{error}") };
    assert_eq!(problem.kind(), ProblemKind::NotBuilt);
    assert_eq!((problem.key(), problem.expected()), ("/shop", "resource pool"));
    assert_eq!(problem.what(), "cannot be built: connection refused");
    let report = format!(
        "1 problem in Shop from /shop at revision {refused}\n  /shop resource pool    cannot be built: connection refused"
    );
    assert_eq!(error.to_string(), report);
    assert_eq!((*pool.load(), settings.load().size, settings.load().host.as_str()), (1, 1, "db"));
    let status = settings.status();
    assert!(
        status.refused_since.is_some() && status.revision == refused && status.snapshot_revision < refused
    );
    let resource = &status.resources[0];
    assert_eq!((resource.name.as_str(), resource.failures), ("pool", 1));
    assert_eq!(resource.error.as_deref(), Some("cannot be built: connection refused"));
    assert_eq!(
        (status.counters.builds, status.counters.build_failures, status.counters.rejections),
        (1, 1, 1)
    );
    let shown = status.to_string();
    let why = "s; the last build failed: cannot be built: connection refused";
    assert!(shown.contains("resource pool: of revision 1 for ") && shown.contains(why), "{shown}");
    let explained = settings.explain();
    assert_eq!(explained.resources()[0].name, "pool");
    assert!(explained.to_string().contains("\nresource pool: of revision"), "{explained}");

    let revision = store.put("/shop/size", "14");
    settings.wait_for_callbacks(revision, SOON).unwrap();
    assert_eq!((*pool.load(), settings.load().host.as_str()), (14, "new"));
    let status = settings.status();
    assert_eq!((status.refused_since, status.resources[0].failures), (None, 0));
    assert_eq!((&status.resources[0].error, status.resources[0].revision), (&None, revision));
    let heard = heard.lock().unwrap();
    assert!(heard.len() == 1 && heard[0].contains("resource pool"), "{heard:?}");
}

#[test]
fn a_failure_at_first_is_an_error_of_the_call_and_nothing_else() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let error = settings.resource(|s| &s.size, |_| Err::<Vec<u8>, _>("no room")).unwrap_err();
    assert!(error.is_invalid());
    assert_eq!(error.problems()[0].expected(), "resource Vec");
    assert_eq!(error.problems()[0].what(), "cannot be built: no room");
    let panics = |_: &u32| -> Result<u32, String> { panic!("on purpose") };
    let error = settings.resource(|s| &s.size, panics).unwrap_err();
    assert_eq!(error.problems()[0].what(), "panicked: on purpose");
    let revision = store.put("/shop/size", "2");
    settings.wait_for_revision(revision, SOON).unwrap();
    assert!(settings.status().resources.is_empty());
    settings.close(SOON).unwrap();
    let error = settings.resource(|s| &s.size, |size| Ok::<_, String>(*size)).unwrap_err();
    assert!(error.is_stopped(), "{error}");
}

#[test]
fn a_panic_refuses_the_update() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let panics = |size: &u32| {
        assert!(*size != 13, "on purpose");
        Ok::<_, String>(*size)
    };
    let pool = settings.resource(|s| &s.size, panics).unwrap();
    let refused = store.put("/shop/size", "13");
    let error = settings.wait_for_revision(refused, SOON).unwrap_err();
    assert_eq!(error.problems()[0].what(), "panicked: on purpose");
    assert_eq!(*pool.load(), 1);
    let back = store.put("/shop/size", "1");
    settings.wait_for_revision(back, SOON).unwrap();
    let status = settings.status();
    assert_eq!(
        (status.is_current(), &status.resources[0].error, status.resources[0].failures),
        (true, &None, 0)
    );
    assert_eq!(settings.status().counters.watch_panics, 0);
}

#[test]
fn a_comparison_that_panics_builds() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let compared = |s: &Shop| {
        assert!(s.other != 13, "on purpose");
        s.size
    };
    let pool = settings.resource_from(compared, |size| Ok::<_, String>(*size)).unwrap();
    let refused = store.put("/shop/other", "13");
    let error = settings.wait_for_revision(refused, SOON).unwrap_err();
    assert_eq!(error.problems()[0].what(), "panicked: on purpose");
    let revision = store.transaction().put("/shop/other", "14").put("/shop/size", "3").commit();
    settings.wait_for_revision(revision, SOON).unwrap();
    assert_eq!(*pool.load(), 3);
}

#[test]
fn it_is_tried_again_until_it_succeeds() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let (down, heard) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (asked, counted) = (Arc::clone(&down), Arc::clone(&heard));
    let build = move |size: &u32| if asked.load(Ordering::SeqCst) == 0 { Ok(*size) } else { Err("down") };
    let pool = settings.resource(|s| &s.size, build).unwrap();
    settings.on_rejected(move |_| _ = counted.fetch_add(1, Ordering::SeqCst));
    down.store(1, Ordering::SeqCst);
    let revision = store.put("/shop/size", "2");
    assert!(settings.wait_for_revision(revision, SOON).unwrap_err().is_invalid());
    until("tried again", || settings.status().counters.builds >= 2);
    down.store(0, Ordering::SeqCst);
    until("in force", || *pool.load() == 2);
    assert_eq!((settings.load().size, settings.snapshot().revision()), (2, revision));
    settings.wait_for_callbacks(revision, SOON).unwrap();
    let status = settings.status();
    assert_eq!((heard.load(Ordering::SeqCst), status.counters.rejections), (1, 1), "the same is said once");
    assert!(status.is_current());
}

#[test]
fn several_change_together_or_not_at_all_and_what_was_built_is_used_later() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let (builds, log) = (Arc::new(AtomicU32::new(0)), Log::default());
    let (counted, noted) = (Arc::clone(&builds), Arc::clone(&log));
    let good = settings.resource(
        |s| &s.size,
        move |size| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok::<_, String>(Noted(format!("good {size}"), Arc::clone(&noted)))
        },
    );
    let good = good.unwrap();
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let bad = settings.resource(
        |s| &s.size,
        move |size| match counted.fetch_add(1, Ordering::SeqCst) {
            1 => Err("not yet"),
            _ => Ok(*size),
        },
    );
    let bad = bad.unwrap();
    let revision = store.put("/shop/size", "2");
    assert!(settings.wait_for_revision(revision, SOON).is_err());
    assert_eq!((good.load().0.as_str(), *bad.load()), ("good 1", 1));
    until("in force", || *bad.load() == 2);
    assert_eq!(good.load().0, "good 2");
    assert_eq!(
        (builds.load(Ordering::SeqCst), tries.load(Ordering::SeqCst)),
        (2, 3),
        "the good one is not built twice"
    );
    until("dropped", || log.lock().unwrap().len() == 1);
    assert_eq!(*log.lock().unwrap(), ["good 1 on etcd-config-drops"]);
}

#[test]
fn what_was_built_for_nothing_is_dropped() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let log = Log::default();
    let noted = Arc::clone(&log);
    let build = move |size: &u32| Ok::<_, String>(Noted(size.to_string(), Arc::clone(&noted)));
    let good = settings.resource(|s| &s.size, build).unwrap();
    let refuse = |size: &u32| if *size == 13 { Err("no") } else { Ok(()) };
    let bad = settings.resource(|s| &s.size, refuse).unwrap();
    let refused = store.put("/shop/size", "13");
    assert!(settings.wait_for_revision(refused, SOON).is_err());
    assert!(log.lock().unwrap().is_empty(), "it may be used yet");
    let back = store.put("/shop/size", "1");
    settings.wait_for_revision(back, SOON).unwrap();
    until("dropped", || log.lock().unwrap().len() == 1);
    assert_eq!((log.lock().unwrap()[0].as_str(), good.load().0.as_str()), ("13 on etcd-config-drops", "1"));
    drop(bad);
}

#[test]
fn a_step_is_asked_before_each_update_and_after_the_builds() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let log = Log::default();
    let (asked, built) = (Arc::clone(&log), Arc::clone(&log));
    let step = settings.building().name("room").prepare(move |old: &Shop, new: &Shop| {
        asked.lock().unwrap().push(format!("{}>{}", old.size, new.size));
        if new.size > 9 { Err("too large") } else { Ok(()) }
    });
    let step = step.unwrap();
    let pool = settings.resource(
        |s| &s.size,
        move |size| {
            built.lock().unwrap().push(format!("built {size}"));
            Ok::<_, String>(*size)
        },
    );
    let pool = pool.unwrap();
    for (key, value) in [("size", "2"), ("other", "1")] {
        let revision = store.put(format!("/shop/{key}"), value);
        settings.wait_for_revision(revision, SOON).unwrap();
    }
    assert_eq!(*log.lock().unwrap(), ["1>1", "built 1", "built 2", "1>2", "2>2"]);
    let refused = store.put("/shop/size", "10");
    let error = settings.wait_for_revision(refused, SOON).unwrap_err();
    assert_eq!(error.problems()[0].to_string(), "/shop prepare room: has failed: too large");
    assert!(settings.status().resources[0].is_prepare);
    step.cancel();
    let revision = store.put("/shop/size", "11");
    settings.wait_for_revision(revision, SOON).unwrap();
    assert_eq!((*pool.load(), settings.load().size, settings.status().resources.len()), (11, 11, 1));
}

#[test]
fn without_a_handle_it_is_no_longer_built() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let (owned, log) = (Arc::new(()), Log::default());
    let (owns, noted) = (Arc::clone(&owned), Arc::clone(&log));
    let build = move |size: &u32| {
        assert!(Arc::strong_count(&owns) > 1);
        if *size == 13 { Err("no") } else { Ok(Noted(size.to_string(), Arc::clone(&noted))) }
    };
    let pool = settings.building().name("pool").resource(|s| &s.size, build).unwrap();
    let clone = pool.clone();
    assert_eq!(format!("{clone:?}"), "Resource { name: \"pool\", .. }");
    drop(pool);
    assert_eq!(settings.status().resources.len(), 1);
    let refused = store.put("/shop/size", "13");
    assert!(settings.wait_for_revision(refused, SOON).is_err());
    drop(clone);
    // The thread of the last build may be about to end.
    until("nothing of it is left", || Arc::strong_count(&owned) == 1);
    assert_eq!(log.lock().unwrap().len(), 1);
    assert!(settings.status().resources.is_empty());
    until("in force without it", || settings.load().size == 13);
}

#[test]
fn it_keeps_the_watch_alive_and_outlives_its_end() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let pool = settings.resource(|s| &s.size, |size| Ok::<_, String>(*size)).unwrap();
    drop(settings);
    store.put("/shop/size", "2");
    until("followed", || *pool.load() == 2);
    let settings = Shop::watch(&store).unwrap();
    let pool = settings.resource(|s| &s.size, |size| Ok::<_, String>(*size)).unwrap();
    settings.close(SOON).unwrap();
    drop(settings);
    store.put("/shop/size", "3");
    assert_eq!(*pool.load(), 2);
}

#[test]
fn callbacks_find_what_belongs_to_the_change() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let pool = settings.resource(|s| &s.size, |size| Ok::<_, String>(*size)).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (notes, of) = (Arc::clone(&seen), pool.clone());
    settings.on_change(move |change| {
        let belongs = of.of(change.after()).is_none_or(|made| *made == change.after().size);
        notes.lock().unwrap().push((belongs, *of.load() >= change.after().size));
    });
    let last = (2..20).fold(0, |_, size| store.put("/shop/size", size.to_string()));
    settings.wait_for_callbacks(last, SOON).unwrap();
    let seen = seen.lock().unwrap();
    assert!(!seen.is_empty() && seen.iter().all(|seen| *seen == (true, true)), "{seen:?}");
    // The callback owns a handle.
    settings.close(SOON).unwrap();
}

#[test]
fn builds_have_the_runtime_of_the_caller() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let entered = runtime.enter();
    let spawns = |size: &u32| {
        let size = *size;
        tokio::runtime::Handle::try_current().map(|runtime| runtime.spawn(async move { size }))
    };
    let task = settings.resource(|s| &s.size, spawns).unwrap();
    drop(entered);
    let revision = store.put("/shop/size", "2");
    settings.wait_for_revision(revision, SOON).unwrap();
    until("run", || task.load().is_finished());
}

#[test]
fn decoding_cannot_have_something_built() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/inner", validate = builds)]
    struct Inner {
        #[etcd(default = 1)]
        size: u32,
    }
    fn builds(_: &Inner) -> Result<(), String> {
        let settings = SETTINGS.get().ok_or("not yet")?;
        let error = settings.resource(|s| &s.size, |size| Ok::<_, String>(*size)).err();
        error.map_or(Ok(()), |error| Err(error.to_string()))
    }
    static SETTINGS: std::sync::OnceLock<etcd_config::Live<Shop>> = std::sync::OnceLock::new();
    assert!(SETTINGS.set(Shop::watch(MemoryStore::new()).unwrap()).is_ok());
    let error = Inner::load_once(MemoryStore::new()).map(|inner| inner.size).unwrap_err();
    assert!(error.to_string().contains("decoding and checks"), "{error}");
}
