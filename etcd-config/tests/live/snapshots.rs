//! What readers see: one revision, whole, whoever else writes or reads.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use etcd_config::{EtcdConfig, MemoryStore};
use serde::Deserialize;

use crate::service::{SOON, store, until, watch};

const FIELDS: usize = 8;

/// Each transaction writes the same number to all of them.
#[derive(EtcdConfig)]
#[etcd(prefix = "/whole")]
struct Whole {
    #[etcd(map)]
    numbers: std::collections::BTreeMap<String, u64>,
    #[etcd(default = 0)]
    first: u64,
    #[etcd(default = 0)]
    last: u64,
}

impl Whole {
    fn check(&self, revision: u64, base: u64) -> u64 {
        let number = self.first;
        assert_eq!(self.last, number);
        assert!(self.numbers.values().all(|other| *other == number), "torn: {:?}", self.numbers);
        assert_eq!(revision, base + number);
        number
    }
}

fn write(store: &MemoryStore, number: u64) -> u64 {
    let mut transaction = store.transaction().put("/whole/first", number.to_string());
    for field in 0..FIELDS {
        transaction = transaction.put(format!("/whole/numbers/{field}"), number.to_string());
    }
    transaction.put("/whole/last", number.to_string()).commit()
}

#[test]
fn are_never_torn_and_never_go_back() {
    let store = MemoryStore::new();
    let base = store.revision();
    let settings = Whole::watch(&store).unwrap();
    settings.on_change(move |change| {
        let old = change.before().check(change.before().revision(), base);
        assert!(old < change.after().check(change.revision(), base));
    });
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut newest = 0;
            while !done.load(Ordering::Relaxed) {
                let guard = settings.load();
                let number = guard.check(guard.revision(), base);
                assert!(number >= newest);
                newest = number;
            }
        });
        scope.spawn(|| {
            let mut reader = settings.reader();
            let mut newest = 0;
            while !done.load(Ordering::Relaxed) {
                let snapshot = reader.snapshot();
                let number = snapshot.check(snapshot.revision(), base);
                assert!(number >= newest);
                newest = number;
            }
        });
        scope.spawn(|| {
            // One that keeps what it has read for a while.
            let mut kept = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let snapshot = settings.snapshot();
                kept.push((snapshot.check(snapshot.revision(), base), snapshot));
                if kept.len() > 5 {
                    let (number, snapshot) = kept.remove(0);
                    assert_eq!(snapshot.check(snapshot.revision(), base), number);
                }
            }
        });
        let last = (1..=5_000).map(|number| write(&store, number)).fold(0, |_, revision| revision);
        settings.wait_for_revision(last, SOON).unwrap();
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(settings.load().first, 5_000);
    assert_eq!(settings.status().counters.callback_panics, 0);
}

#[test]
fn that_are_kept_stay_as_they_were() {
    let store = store();
    let settings = watch(&store);
    let mut kept = vec![settings.snapshot()];
    for n in 1..=20 {
        settings.wait_for_revision(store.put("/service/workers", n.to_string()), SOON).unwrap();
        kept.push(settings.snapshot());
    }
    let workers: Vec<u32> = kept.iter().map(|snapshot| snapshot.workers).collect();
    assert_eq!(workers[0], 8);
    assert_eq!(workers[1..], (1..=20).collect::<Vec<u32>>());
    assert!(kept.windows(2).all(|pair| pair[0].revision() < pair[1].revision()));
}

#[test]
fn are_used_again_when_nobody_reads_them_any_more() {
    let store = store();
    let settings = watch(&store);
    let mut places = std::collections::HashSet::new();
    for n in 1..=20 {
        settings.wait_for_revision(store.put("/service/workers", n.to_string()), SOON).unwrap();
        places.insert(Arc::as_ptr(&settings.snapshot()));
    }
    assert!(places.len() <= 3, "{} copies for one that is in use", places.len());
}

#[test]
fn of_which_readers_hold_the_last_ten_are_used_again_as_they_come_back() {
    static DECODED: AtomicUsize = AtomicUsize::new(0);

    struct Counted(String);

    impl<'de> Deserialize<'de> for Counted {
        fn deserialize<D: serde::Deserializer<'de>>(text: D) -> Result<Self, D::Error> {
            DECODED.fetch_add(1, Ordering::Relaxed);
            String::deserialize(text).map(Self)
        }
    }

    #[derive(EtcdConfig)]
    #[etcd(prefix = "/many")]
    struct Many {
        #[etcd(map)]
        values: HashMap<String, Counted>,
    }

    let store = (0..100).map(|n| (format!("/many/values/{n}"), "old")).collect::<MemoryStore>();
    let settings = Many::watch(&store).unwrap();
    let mut held = VecDeque::new();
    let mut update = |n: usize| {
        held.push_back(settings.snapshot());
        if held.len() > 10 {
            held.pop_front();
        }
        let revision = store.put(format!("/many/values/{}", n % 3), n.to_string());
        settings.wait_for_revision(revision, SOON).unwrap();
        assert_eq!(settings.load().values[&(n % 3).to_string()].0, n.to_string());
    };
    (0..15).for_each(&mut update);
    let before = DECODED.load(Ordering::Relaxed);
    (15..45).for_each(update);
    let each = (DECODED.load(Ordering::Relaxed) - before) / 30;
    assert!(each <= 10, "{each} values are decoded for one that has changed");
}

#[test]
fn that_were_refused_in_between_leave_nothing_behind() {
    let store = store();
    let settings = watch(&store);
    for n in 1..=10 {
        settings.wait_for_revision(store.put("/service/workers", n.to_string()), SOON).unwrap();
        let bad = store
            .transaction()
            .put("/service/level", format!("bad {n}"))
            .put("/service/features/x", "maybe")
            .commit();
        assert!(settings.wait_for_revision(bad, SOON).is_err());
        assert_eq!((settings.load().level.as_str(), settings.load().workers), ("info", n));
        let good = store.transaction().delete("/service/level").delete("/service/features/x").commit();
        settings.wait_for_revision(good, SOON).unwrap();
        assert_eq!((settings.load().level.as_str(), settings.load().workers), ("info", n));
        assert!(settings.load().features.is_empty());
    }
}

#[test]
fn are_kept_current_by_a_reader_alone() {
    let store = store();
    let mut reader = watch(&store).reader();
    let mut other = reader.clone();
    store.put("/service/workers", "3");
    until("read", || reader.load().workers == 3);
    assert_eq!(other.load().workers, 3);
}

#[test]
fn that_panic_when_they_are_dropped_end_nothing() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/fragile")]
    struct Fragile {
        #[etcd(default = 1)]
        number: u32,
    }
    impl Drop for Fragile {
        fn drop(&mut self) {
            assert!(!(2..=3).contains(&self.number), "dropped");
        }
    }
    let store = MemoryStore::new();
    let settings = Fragile::watch(&store).unwrap();
    let mut held = Vec::new();
    for number in 2..=9 {
        if number < 5 {
            held.push(settings.snapshot());
        }
        if number == 6 {
            // Nobody reads them any more: they are spares, of which one is needed.
            held.clear();
        }
        settings.wait_for_revision(store.put("/fragile/number", number.to_string()), SOON).unwrap();
        assert_eq!(settings.load().number, number);
    }
    assert!(settings.status().is_current(), "{}", settings.status());
}

#[test]
fn that_panic_when_they_are_dropped_keep_no_good_value_from_coming_into_force() {
    #[derive(Deserialize, PartialEq)]
    struct Fragile(u32);
    impl Drop for Fragile {
        fn drop(&mut self) {
            assert!(self.0 != 2 || std::thread::panicking(), "dropped");
        }
    }
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/fragile")]
    struct Settings {
        #[etcd(default = "1")]
        number: Fragile,
        #[etcd(map)]
        numbers: HashMap<String, Fragile>,
    }
    let store = MemoryStore::new();
    let settings = Settings::watch(&store).unwrap();
    for number in [2, 3, 4, 2, 2, 5, 6] {
        let put = |key| store.put(key, number.to_string());
        settings.wait_for_revision(put("/fragile/number"), SOON).unwrap();
        settings.wait_for_revision(put("/fragile/numbers/a"), SOON).unwrap();
        assert_eq!((settings.load().number.0, settings.load().numbers["a"].0), (number, number));
    }
}
