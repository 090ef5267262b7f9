//! The user's own code, where it is slow or waits: a check, a `Deserialize`, a `Drop`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::time::{Duration, Instant, SystemTime};

use etcd_config::{EtcdConfig, Live, MemoryStore};
use serde::{Deserialize, Deserializer};

use crate::hanging::Hanging;
use crate::service::{SOON, Service, store, until, watch};

/// How long the slow ones take.
const LONG: Duration = Duration::from_secs(1);

#[derive(EtcdConfig)]
#[etcd(prefix = "/slow")]
struct Checked {
    #[etcd(default = 1, validate = slowly)]
    number: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, clippy::unnecessary_wraps)] // What a check is called with.
fn slowly(_: &u32) -> Result<(), String> {
    std::thread::sleep(LONG);
    Ok(())
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/slow")]
struct Decoded {
    #[etcd(default = "1")]
    number: Ponderous,
}

#[derive(PartialEq)]
struct Ponderous(String);

impl<'de> Deserialize<'de> for Ponderous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::thread::sleep(LONG);
        String::deserialize(deserializer).map(Self)
    }
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/slow")]
struct Dropped {
    #[etcd(default = 1)]
    number: u32,
}

impl Drop for Dropped {
    fn drop(&mut self) {
        std::thread::sleep(LONG);
    }
}

/// A configuration that is followed on a thread of its own, where nothing holds it up but the machine. How long
/// others take is counted in its changes: on a busy machine all of them take longer.
struct Control {
    store: MemoryStore,
    live: Live<Service>,
    _runtime: tokio::runtime::Runtime,
}

/// As many changes of the control take 0.7 s at least, and less than [`LONG`].
const FEW: u32 = 70;

/// All tests of this process share the thread that follows configurations, and the start of a very large one occupies
/// it long enough to be seen by the others. The test of that is alone; the others run side by side.
static THREAD: RwLock<()> = RwLock::new(());

fn beside_others() -> impl Drop {
    THREAD.read().unwrap_or_else(PoisonError::into_inner)
}

fn alone() -> impl Drop {
    THREAD.write().unwrap_or_else(PoisonError::into_inner)
}

impl Control {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let (runtime, store) = (runtime.unwrap(), store());
        let live = runtime.block_on(Service::watch_async(&store)).unwrap();
        Self { store, live, _runtime: runtime }
    }

    /// How many changes of the control come into force before `other` is at a revision.
    fn changes_until<T: EtcdConfig>(&self, other: &Live<T>, revision: u64) -> u32 {
        let mut changes = 0;
        while other.snapshot().revision() < revision {
            assert!(changes < 100 * FEW, "{}", other.status());
            let change = self.store.put("/service/level", self.store.revision().to_string());
            self.live.wait_for_revision(change, SOON).unwrap();
            std::thread::sleep(Duration::from_millis(10));
            changes += 1;
        }
        changes
    }

    /// `other` is at a revision before more than a [few](FEW) changes of the control come into force.
    fn is_prompt<T: EtcdConfig>(&self, other: &Live<T>, revision: u64) {
        let changes = self.changes_until(other, revision);
        assert!(changes < FEW, "{changes} changes of the control: {}", other.status());
    }
}

/// Changes of another configuration come into force at once while this one is changed all the time.
fn delays_no_other<T: EtcdConfig>() {
    let _beside_others = beside_others();
    let slow_store = MemoryStore::new();
    let slow = T::watch(&slow_store).unwrap();
    let store = store();
    let other = watch(&store);
    let control = Control::new();
    let mut held = Vec::new();
    for n in 0..60 {
        slow_store.put("/slow/number", n.to_string());
        if n % 10 == 0 {
            held.push(slow.snapshot()); // Old snapshots are in use, so new ones are made.
        }
        control.is_prompt(&other, store.put("/service/workers", n.to_string()));
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::spawn(move || drop((slow, held)));
    for n in 0..20 {
        control.is_prompt(&other, store.put("/service/level", n.to_string()));
    }
}

#[test]
fn a_type_that_takes_long_delays_no_other_configuration_when_nothing_lies_below_its_prefix() {
    let _beside_others = beside_others();
    let store = store();
    let other = watch(&store);
    let control = Control::new();
    let start = std::thread::spawn(|| drop(Decoded::load_once(MemoryStore::new()).unwrap()));
    while !start.is_finished() {
        let level = store.revision().to_string();
        control.is_prompt(&other, store.put("/service/level", level));
    }
    start.join().unwrap();
}

#[test]
fn a_check_that_takes_long_delays_no_other_configuration() {
    delays_no_other::<Checked>();
}

#[test]
fn decoding_that_takes_long_delays_no_other_configuration() {
    delays_no_other::<Decoded>();
}

#[test]
fn a_drop_that_takes_long_delays_no_other_configuration() {
    delays_no_other::<Dropped>();
}

#[test]
fn what_is_slow_converges_on_the_newest_values() {
    let store = MemoryStore::new();
    let slow = Checked::watch(&store).unwrap();
    let last = (0..200).map(|n| store.put("/slow/number", n.to_string())).fold(0, u64::max);
    let begin = Instant::now();
    slow.wait_for_revision(last, SOON).unwrap();
    assert_eq!(slow.load().number, 199);
    assert!(begin.elapsed() < LONG * 8, "each of 200 updates was tried: {:?}", begin.elapsed());
    assert_eq!(slow.status().snapshot_revision, last);
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/slow")]
struct Committed {
    #[etcd(default = 1, validate = slowly)]
    number: u32,
    #[etcd(default = 0)]
    version: u32,
}

#[test]
fn what_is_slow_is_whole_at_every_revision() {
    let store = MemoryStore::new();
    let slow = Committed::watch(&store).unwrap();
    let (sender, receiver) = mpsc::channel();
    slow.on_change(move |change| sender.send((change.after().number, change.after().version)).unwrap());
    for n in 2..100 {
        store.transaction().put("/slow/number", n.to_string()).put("/slow/version", n.to_string()).commit();
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut last = (0, 0);
    while last != (99, 99) {
        last = receiver.recv_timeout(SOON).unwrap();
        assert_eq!(last.0, last.1);
    }
}

static HANGS: Hanging = Hanging::new();

#[derive(EtcdConfig)]
#[etcd(prefix = "/hanging")]
struct Hangs {
    #[etcd(default = 1, validate = hangs)]
    number: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What a check is called with.
fn hangs(_: &u32) -> Result<(), String> {
    HANGS.check()
}

#[test]
fn what_hangs_says_what_is_known_of_the_connection() {
    let store = MemoryStore::new();
    let settings = Hangs::watch(&store).unwrap();
    HANGS.slow_down(&settings, &store, "/hanging/number", 2);
    let revision = HANGS.hold(|| store.put("/hanging/number", "9"));
    store.refuse(true);
    store.cut();
    until("disconnected", || settings.status().state.error().is_some());
    assert_ne!(settings.load().number, 9);
    let gone = SystemTime::now();
    std::thread::sleep(Duration::from_millis(50));
    HANGS.let_go();
    settings.wait_for_revision(revision, SOON).unwrap();
    assert_eq!(settings.load().number, 9);
    // The store has said nothing since, however long the check took.
    let status = settings.status();
    assert!(status.confirmed_at < gone && status.proven_current_at < gone, "{status}");
    assert!(status.age >= Duration::from_millis(50), "{status}");
    store.refuse(false);
    until("confirmed", || settings.status().confirmed_at > gone);
}

static REWOUND: Hanging = Hanging::new();

#[derive(EtcdConfig)]
#[etcd(prefix = "/rewound")]
struct Rewound {
    #[etcd(default = 1, validate = rewound)]
    number: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What a check is called with.
fn rewound(_: &u32) -> Result<(), String> {
    REWOUND.check()
}

#[test]
fn what_waits_while_the_store_is_rewound_is_never_in_force() {
    let store = MemoryStore::new();
    let settings = Rewound::watch(&store).unwrap();
    let base = store.revision();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let changes = Arc::clone(&heard);
    settings
        .on_change(move |change| changes.lock().unwrap().push((change.after().number, change.revision())));
    REWOUND.slow_down(&settings, &store, "/rewound/number", 2);
    REWOUND.hold(|| store.put("/rewound/number", "3"));
    store.put("/rewound/number", "5");
    std::thread::sleep(Duration::from_millis(100));
    store.rewind(base);
    until("listed", || settings.status().counters.rewinds == 1);
    REWOUND.let_go();
    until("rewound", || settings.status().revision == base);
    settings.wait_for_callbacks(base, SOON).unwrap();
    assert_eq!(settings.load().number, 1);
    let expected = [(2, base + 1), (3, base + 2), (1, base)];
    assert_eq!(*heard.lock().unwrap(), expected, "the rewound store never held 5");
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/large")]
struct Large {
    #[etcd(map)]
    all: HashMap<String, u64>,
}

#[test]
fn the_first_updates_of_a_large_configuration_delay_no_other() {
    let _alone = alone();
    let large_store = MemoryStore::new();
    let mut transaction = large_store.transaction();
    for n in 0..200_000 {
        transaction = transaction.put(format!("/large/all/{n:06}"), n.to_string());
    }
    transaction.commit();
    let large = Large::watch(&large_store).unwrap();
    assert_eq!(large.load().all.len(), 200_000);
    let store = store();
    let other = watch(&store);
    let control = Control::new();
    let revision = large_store.put("/large/all/000000", "7");
    let of_other = control.changes_until(&other, store.put("/service/workers", "2"));
    let of_both = of_other + control.changes_until(&large, revision);
    assert!(of_other * 2 < of_both, "{of_other} of {of_both} changes of the control");
}

static WAITING: std::sync::Mutex<Option<Live<Service>>> = std::sync::Mutex::new(None);

#[derive(EtcdConfig)]
#[etcd(prefix = "/waiting")]
struct Waiting {
    #[etcd(default = 1, validate = waits)]
    number: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What a check is called with.
fn waits(number: &u32) -> Result<(), String> {
    let Some(live) = WAITING.lock().unwrap().clone() else { return Ok(()) };
    let refusal = match number {
        2 => live.wait_until(|_| false, SOON).err(),
        3 => live.wait_for_revision(u64::MAX, SOON).err(),
        4 => Service::load_once(store()).err(),
        _ => None,
    };
    refusal.map_or(Ok(()), |error| Err(format!("{} {error}", error.is_invalid_option())))
}

#[test]
fn checks_that_wait_are_refused_at_once() {
    let store = MemoryStore::new();
    let settings = Waiting::watch(&store).unwrap();
    *WAITING.lock().unwrap() = Some(watch(&crate::service::store()));
    for value in ["2", "3", "4"] {
        let begin = Instant::now();
        let revision = store.put("/waiting/number", value);
        let error = settings.wait_for_revision(revision, SOON).unwrap_err().to_string();
        assert!(error.contains("true decoding and checks"), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{value}: {:?}", begin.elapsed());
    }
    WAITING.lock().unwrap().take();
}
