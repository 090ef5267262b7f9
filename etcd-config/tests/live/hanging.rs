//! Checks that hang as long as a test wants.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use etcd_config::{EtcdConfig, Live, MemoryStore};

use crate::service::{SOON, until};

/// For a static of one test.
pub(crate) struct Hanging {
    on: AtomicBool,
    begun: AtomicUsize,
}

impl Hanging {
    pub(crate) const fn new() -> Self {
        Self { on: AtomicBool::new(false), begun: AtomicUsize::new(0) }
    }

    /// What the check calls.
    #[allow(clippy::unnecessary_wraps)] // What a check answers.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        while self.on.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Makes a change whose check hangs, and waits until it does.
    pub(crate) fn hold(&self, change: impl FnOnce() -> u64) -> u64 {
        let before = self.begun.load(Ordering::SeqCst);
        self.on.store(true, Ordering::SeqCst);
        let revision = change();
        until("checked", || self.begun.load(Ordering::SeqCst) > before);
        revision
    }

    pub(crate) fn let_go(&self) {
        self.on.store(false, Ordering::SeqCst);
    }

    /// Has one change take long: from then on they are checked elsewhere.
    pub(crate) fn slow_down<T: EtcdConfig>(
        &self,
        live: &Live<T>,
        store: &MemoryStore,
        key: &str,
        value: u32,
    ) {
        let revision = self.hold(|| store.put(key, value.to_string()));
        sleep(Duration::from_millis(30));
        self.let_go();
        live.wait_for_revision(revision, SOON).unwrap();
    }
}
