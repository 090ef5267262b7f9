//! A subscriber of `tracing` that panics, which the watching task survives. One test, because a
//! process has one subscriber.

use std::sync::atomic::{AtomicBool, Ordering};

use etcd_config::{EtcdConfig, MemoryStore};
use etcd_config_tests::{SOON, until};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static PANICS: AtomicBool = AtomicBool::new(false);

struct Panicking;

impl Subscriber for Panicking {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let is_ours = event.metadata().target().starts_with("etcd_");
        assert!(!(is_ours && PANICS.load(Ordering::SeqCst)), "of the subscriber\u{1b}[2J");
    }

    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/service")]
struct Service {
    #[etcd(default = 1)]
    workers: u32,
}

#[test]
fn that_panics_ends_no_watch_and_loses_no_change() {
    tracing::subscriber::set_global_default(Panicking).unwrap();
    std::panic::set_hook(Box::new(|_| {})); // Else this test prints thousands of lines.
    let store = MemoryStore::new();
    let settings = Service::watch(&store).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    settings.on(|s| &s.workers, move |_, new| sender.send(*new).unwrap());
    settings.on_change(|_| panic!("of a callback"));
    let rejections = settings.on_rejected(|_| panic!("of a callback"));
    until("watching", || settings.status().state.is_watching());

    PANICS.store(true, Ordering::SeqCst);
    for n in 2..10 {
        settings.wait_for_revision(store.put("/service/workers", n.to_string()), SOON).unwrap();
        assert_eq!(receiver.recv_timeout(SOON), Ok(n));
    }
    let refused = store.put("/service/workers", "many");
    assert!(settings.wait_for_revision(refused, SOON).unwrap_err().is_invalid());
    rejections.cancel();
    // The watcher's own lines, which come while it is in the middle of something.
    store.cut();
    settings.wait_for_revision(store.put("/service/workers", "10"), SOON).unwrap();
    assert_eq!(receiver.recv_timeout(SOON), Ok(10));
    until("begun again", || settings.status().counters.watch_panics > 0);
    let status = settings.status();
    assert!(status.to_string().contains("of the subscriber\\u{1b}[2J"), "{status}");

    PANICS.store(false, Ordering::SeqCst);
    settings.wait_for_revision(store.put("/service/workers", "11"), SOON).unwrap();
    until("watching again", || settings.status().is_current());
    assert_eq!(settings.load().workers, 11);

    // A start as well: it says why it failed, or does not fail.
    PANICS.store(true, Ordering::SeqCst);
    let started = Service::options().prefix("/other").watch(&store);
    assert!(started.as_ref().map_or_else(|error| error.to_string().contains("panicked"), |_| true));
    PANICS.store(false, Ordering::SeqCst);
}
