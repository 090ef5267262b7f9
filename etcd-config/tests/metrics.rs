//! What is told to a recorder of `metrics`. One test: a process has one recorder.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_config::{EtcdConfig, Live, MemoryStore};
use etcd_config_tests::{SOON, until};
use metrics::{Counter, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

type Cells = Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>;

/// Keeps all counters and gauges by their names and labels.
#[derive(Clone, Default)]
struct Ledger(Cells);

impl Ledger {
    fn cell(&self, key: &Key) -> Arc<AtomicU64> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::clone(self.0.lock().unwrap().entry(name).or_default())
    }

    fn bits(&self, name: &str) -> u64 {
        let name = format!("etcd_config_{name}{{config=Service,prefix=/service}}");
        let cells = self.0.lock().unwrap();
        cells
            .get(&name)
            .unwrap_or_else(|| panic!("{name} is not among {:?}", cells.keys()))
            .load(Ordering::SeqCst)
    }

    fn level(&self, name: &str) -> f64 {
        f64::from_bits(self.bits(name))
    }
}

static PANICS: AtomicBool = AtomicBool::new(false);

/// A gauge that panics when it is told to.
struct Level(Arc<AtomicU64>);

impl GaugeFn for Level {
    fn increment(&self, value: f64) {
        self.0.increment(value);
    }

    fn decrement(&self, value: f64) {
        self.0.decrement(value);
    }

    fn set(&self, value: f64) {
        assert!(!PANICS.load(Ordering::SeqCst), "of the recorder");
        self.0.set(value);
    }
}

impl Recorder for Ledger {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::new(Level(self.cell(key))))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/service")]
struct Service {
    #[etcd(default = 1)]
    workers: u32,
}

fn a_recorder_that_panics_ends_no_watch(ledger: &Ledger, store: &MemoryStore, settings: &Live<Service>) {
    PANICS.store(true, Ordering::SeqCst);
    for n in 100..105 {
        settings.wait_for_revision(store.put("/service/workers", n.to_string()), SOON).unwrap();
        assert_eq!(settings.load().workers, n);
    }
    PANICS.store(false, Ordering::SeqCst);
    settings.wait_for_revision(store.put("/service/workers", "5"), SOON).unwrap();
    let status = settings.status();
    assert!(status.is_current() && status.to_string().contains("of the recorder"), "{status}");
    assert!(status.counters.watch_panics >= 5);
    until("counted", || ledger.bits("watch_panics_total") >= 5);
}

/// Builds that fail, and one that does not return.
#[allow(clippy::float_cmp)] // They are whole numbers.
fn of_builds(ledger: &Ledger, store: &MemoryStore, settings: &Live<Service>) {
    let (held, goes_on) = std::sync::mpsc::channel::<()>();
    let goes_on = Mutex::new(goes_on);
    let build = move |workers: &u32| match workers {
        101 => Err("on purpose".to_owned()),
        102 => goes_on.lock().unwrap().recv().map_err(|_| "let go".to_owned()),
        _ => Ok(()),
    };
    let limit = Duration::from_millis(20);
    let resource = settings.building().limit(limit).resource(|s| &s.workers, build).unwrap();
    for (workers, failures) in [("101", 1), ("102", 2)] {
        let refused = store.put("/service/workers", workers);
        settings.wait_for_revision(refused, SOON).unwrap_err();
        until("failed", || ledger.bits("build_failures_total") == failures);
    }
    assert!(ledger.bits("builds_total") >= 2);
    until("hanging", || ledger.level("hanging_builds") == 1.0);
    drop((held, resource));
    settings.wait_for_revision(store.put("/service/workers", "5"), SOON).unwrap();
    until("returned", || ledger.level("hanging_builds") == 0.0);
}

/// The page of the guide has exactly these names.
fn the_guide_names_them_all(ledger: &Ledger) {
    let page = include_str!("../src/docs/metrics_and_alerts.md");
    let name =
        |rest: &str| rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().map(str::to_owned);
    let named: BTreeSet<_> = page.split("etcd_config_").skip(1).filter_map(name).collect();
    let cells = ledger.0.lock().unwrap();
    let shown: BTreeSet<_> = cells.keys().filter_map(|key| name(key.strip_prefix("etcd_config_")?)).collect();
    assert_eq!(named, shown);
    assert_eq!(page.matches("\n| `etcd_config_").count(), named.len(), "a row for each, once");
}

#[test]
#[allow(clippy::float_cmp)] // They are whole numbers.
fn a_recorder_is_told_what_the_status_says() {
    let ledger = Ledger::default();
    assert!(metrics::set_global_recorder(ledger.clone()).is_ok(), "there is no other recorder");
    let store = MemoryStore::new();
    let settings = Service::watch(&store).unwrap();
    until("watching", || ledger.level("watching") == 1.0);
    the_guide_names_them_all(&ledger);
    assert_eq!((ledger.bits("snapshots_total"), ledger.bits("lists_total")), (1, 1));
    store.put("/service/workers", "2");
    until("published", || ledger.bits("snapshots_total") == 2);
    assert_eq!((ledger.level("revision"), ledger.level("snapshot_revision")), (2.0, 2.0));
    store.put("/service/workers", "many");
    until("rejected", || ledger.bits("rejections_total") == 1);
    assert_eq!((ledger.level("rejecting"), ledger.level("snapshot_revision")), (1.0, 2.0));
    store.put("/service/workers", "3");
    until("accepted", || ledger.level("rejecting") == 0.0);
    store.cut();
    until("reconnected", || ledger.bits("losses_total") == 1 && ledger.level("watching") == 1.0);
    assert!(ledger.level("proven_current_timestamp_seconds") > 1.7e9);
    assert_eq!(ledger.level("from_cache"), 0.0);

    let panics = settings.on_change(|_| panic!("on purpose"));
    store.put("/service/workers", "4");
    until("panicked", || settings.status().counters.callback_panics == 1);
    panics.cancel();
    store.put("/service/workers", "5");
    until("counted", || ledger.bits("callback_panics_total") == 1);

    a_recorder_that_panics_ends_no_watch(&ledger, &store, &settings);
    of_builds(&ledger, &store, &settings);

    let again = Service::watch(&store).unwrap();
    until("two add up", || ledger.bits("snapshots_total") == 12);
    assert_eq!((again.load().workers, settings.load().workers), (5, 5));
    drop((again, settings));
    until("no longer watching", || ledger.level("watching") == 0.0);
}
