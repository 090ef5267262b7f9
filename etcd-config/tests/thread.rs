//! The thread in the background: there when needed, and gone with the last handle, whatever the
//! watch is doing at that moment. One test, because all tests of a process share the thread.

use std::fs;
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use etcd_client_core::{Error, Kind, v2, v3};
use etcd_config::{EtcdConfig, Live, MemoryStore, State};
use etcd_config_tests::{until_live, until_within};

#[derive(EtcdConfig)]
#[etcd(prefix = "/service")]
struct Service {
    #[etcd(default = 1)]
    workers: u32,
}

/// How many threads of this process have the name.
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("the threads of this process");
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.trim() == "etcd-config")
        .count()
}

/// A thread that this one starts, to drop something elsewhere, has its name until it takes its own.
fn is_one(what: &str) {
    until_within(Duration::from_secs(1), what, || threads() == 1);
}

fn enters(settings: &Live<Service>, what: &str, wanted: fn(&State) -> bool) {
    until_within(Duration::from_secs(5), what, || wanted(&settings.status().state));
}

/// Brings a configuration into a state.
type Scene = fn(&MemoryStore, &Live<Service>);

const SCENES: &[(&str, Scene)] = &[
    ("just loaded", |_, _| {}),
    ("watching", |_, settings| enters(settings, "watching", State::is_watching)),
    ("disconnected", |store, settings| {
        store.refuse(true);
        store.cut();
        enters(settings, "disconnected", |state| matches!(state, State::Disconnected(_)));
    }),
    ("retrying for a while", |store, settings| {
        store.refuse(true);
        store.cut();
        enters(settings, "disconnected", |state| matches!(state, State::Disconnected(_)));
        std::thread::sleep(Duration::from_millis(700));
    }),
    ("resuming from a store that is silent", |store, settings| {
        enters(settings, "watching", State::is_watching);
        store.silence(true);
        store.cut();
        std::thread::sleep(Duration::from_millis(100));
    }),
    ("watching a store that is silent", |store, settings| {
        enters(settings, "watching", State::is_watching);
        store.silence(true);
    }),
    ("listing again after a compaction", |store, settings| {
        enters(settings, "watching", State::is_watching);
        store.refuse(true);
        store.cut();
        for n in 0..9 {
            store.put("/service/workers", n.to_string());
        }
        store.compact(store.revision());
        store.delay(Duration::from_secs(3));
        store.refuse(false);
        std::thread::sleep(Duration::from_millis(300));
    }),
    ("without access", |store, settings| {
        store.refuse_with(Some(Error::new(Kind::PermissionDenied, "no")));
        store.cut();
        enters(settings, "denied", |state| matches!(state, State::PermissionDenied(_)));
    }),
    ("with a wrong password", |store, settings| {
        store.refuse_with(Some(Error::new(Kind::Unauthenticated, "no")));
        store.cut();
        enters(settings, "refused", |state| matches!(state, State::AuthFailed(_)));
    }),
    ("without a leader", |store, settings| {
        store.refuse_with(Some(Error::new(Kind::NoLeader, "no")));
        store.cut();
        enters(settings, "no quorum", |state| matches!(state, State::NoQuorum(_)));
    }),
    ("refusing an update", |store, settings| {
        enters(settings, "watching", State::is_watching);
        store.put("/service/workers", "few");
        until_live(settings, Duration::from_secs(5), "refused", |live| live.status().refused_since.is_some());
    }),
    ("with a callback that never returns", |store, settings| {
        let (sender, receiver) = mpsc::channel();
        settings.on_change(move |_| {
            sender.send(()).unwrap();
            std::thread::sleep(Duration::from_secs(3_600));
        });
        store.put("/service/workers", "2");
        receiver.recv_timeout(Duration::from_secs(5)).unwrap();
    }),
    ("in the middle of many updates", |store, _| {
        for n in 0..20_000 {
            store.put("/service/workers", n.to_string());
        }
    }),
];

#[test]
fn ends_within_a_second_of_the_last_handle_in_every_state() {
    assert_eq!(threads(), 0);
    for (name, scene) in SCENES {
        let store = MemoryStore::new();
        let settings = Service::watch(&store).unwrap();
        let other = Service::options().prefix("/other").watch(MemoryStore::new()).unwrap();
        is_one(&format!("{name}: one thread for all"));
        scene(&store, &settings);
        let clone = settings.clone();
        drop(settings);
        drop(other);
        is_one(&format!("{name}: as long as there is a handle"));
        let begin = Instant::now();
        drop(clone);
        assert!(begin.elapsed() < Duration::from_millis(500), "{name}: dropping blocks");
        until_within(Duration::from_secs(1), name, || threads() == 0);
    }
    last_handle_dropped_in_a_callback();
    started_from_the_cache();
    with_connections_that_lead_nowhere();
    a_load_that_fails();
}

fn last_handle_dropped_in_a_callback() {
    let store = MemoryStore::new();
    let settings = Service::watch(&store).unwrap();
    let (sender, receiver) = mpsc::channel::<Live<Service>>();
    settings.on_change(move |_| drop(receiver.recv()));
    store.put("/service/workers", "2");
    sender.send(settings).unwrap();
    until_within(Duration::from_secs(1), "dropped in a callback", || threads() == 0);
}

fn started_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let options = || {
        let limit = Duration::from_millis(50);
        Service::options().cache_file(folder.path().join("cache")).startup_timeout(limit)
    };
    for silent in [false, true] {
        let store = MemoryStore::new();
        store.put("/service/workers", "2");
        let settings = options().watch(&store).unwrap();
        // Soon after a change, which is still to be cached.
        settings.wait_for_revision(store.put("/service/workers", "3"), Duration::from_secs(5)).unwrap();
        drop(settings);
        until_within(Duration::from_secs(1), "while it caches", || threads() == 0);
        options().load_once(&store).unwrap();
        if silent {
            store.silence(true);
        } else {
            store.refuse(true);
        }
        let settings = options().watch(&store).unwrap();
        assert_eq!((settings.load().workers, threads()), (3, 1));
        drop(settings);
        until_within(Duration::from_secs(1), "started from the cache", || threads() == 0);
    }
}

/// Over both protocols, to a listener that never answers, to none, and to a name that nobody has.
fn with_connections_that_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let options = || {
        let limit = Duration::from_millis(200);
        Service::options().cache_file(folder.path().join("cache")).startup_timeout(limit)
    };
    options().load_once(MemoryStore::new()).unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let addresses =
        [silent.local_addr().unwrap().to_string(), closed.to_string(), "nobody.invalid:2379".to_owned()];
    for address in addresses {
        for wait in [Duration::ZERO, Duration::from_millis(400)] {
            let settings = options().watch(v3::Client::new([&address]).unwrap()).unwrap();
            std::thread::sleep(wait);
            drop(settings);
            until_within(Duration::from_secs(1), &format!("v3 at {address}"), || threads() == 0);
            let settings = options().watch(v2::Client::new([&address]).unwrap()).unwrap();
            std::thread::sleep(wait);
            drop(settings);
            until_within(Duration::from_secs(1), &format!("v2 at {address}"), || threads() == 0);
        }
    }
}

fn a_load_that_fails() {
    let store = MemoryStore::new();
    store.silence(true);
    let limit = Duration::from_millis(50);
    assert!(Service::options().startup_timeout(limit).watch(&store).is_err());
    until_within(Duration::from_secs(1), "after a load that failed", || threads() == 0);
    store.silence(false);
    assert_eq!(Service::load_once(&store).unwrap().workers, 1);
    until_within(Duration::from_secs(1), "after a load without a watch", || threads() == 0);
}
