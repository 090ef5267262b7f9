//! A watcher of one prefix whose every claim is held against what was written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use etcd_client_core::v3::Client;
use etcd_client_core::watcher::{Event, Options, Watcher};
use etcd_client_core::{Change, Prefix};

use super::Tally;

const KEYS: u64 = 16;
/// So much is on its way for a while, and a watch may be cancelled in the middle of it.
const PADDING: usize = 4 << 10;

/// A prefix that changes at each step whose number is a multiple of its period; at other steps only others change.
#[derive(Clone, Copy)]
pub(super) struct Followed {
    name: &'static str,
    period: u64,
    padding: usize,
    /// What the reader does after each event before it asks for the next.
    pause: Duration,
}

impl Followed {
    pub(super) fn all() -> [Self; 5] {
        let (none, slow) = (Duration::ZERO, Duration::from_millis(100));
        [
            Self { name: "busy", period: 1, padding: PADDING, pause: none },
            Self { name: "seldom", period: 7, padding: 0, pause: none },
            Self { name: "rare", period: 97, padding: 0, pause: none },
            Self { name: "busy", period: 1, padding: PADDING, pause: slow },
            Self { name: "rare", period: 97, padding: 0, pause: slow },
        ]
    }

    pub(super) fn prefix(&self) -> Prefix {
        Prefix::new(&format!("/app/{}", self.name))
    }

    /// The key and the value that a step writes here.
    pub(super) fn written_at(&self, step: u64) -> Option<(String, String)> {
        let is_here = step.is_multiple_of(self.period) && self.pause.is_zero();
        is_here.then(|| (self.key(step / self.period % KEYS), self.value(step / self.period)))
    }

    /// How often it has changed after a step.
    pub(super) fn changes_until(&self, step: u64) -> u64 {
        step / self.period
    }

    fn key(&self, number: u64) -> String {
        format!("/app/{}/{number:02}", self.name)
    }

    fn value(&self, change: u64) -> String {
        format!("{change}:{}", "p".repeat(self.padding))
    }

    /// What it holds after so many changes.
    fn after(&self, changes: u64) -> BTreeMap<Bytes, Bytes> {
        let last = changes.saturating_sub(KEYS - 1).max(1)..=changes;
        last.map(|change| (self.key(change % KEYS).into(), self.value(change).into())).collect()
    }
}

/// Follows until it is aborted; how many changes it has seen is in `seen`.
pub(super) async fn follow(
    client: Client,
    followed: Followed,
    base: u64,
    tally: Arc<Tally>,
    seen: Arc<AtomicU64>,
) {
    let mut options = Options::default();
    options.progress_interval = Duration::from_secs(1);
    options.audit_interval = Some(Duration::from_secs(20));
    let mut watcher = Watcher::new(Arc::new(client), followed.prefix(), options);
    let mut held = BTreeMap::new();
    loop {
        let event = watcher.next().await;
        let revision = match &event {
            Event::Listed(listing) => {
                held = listing.entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
                listing.revision
            }
            Event::Changed { batch, .. } => {
                for change in &batch.changes {
                    match change {
                        Change::Put(entry) => drop(held.insert(entry.key.clone(), entry.value.clone())),
                        Change::Delete(key) => drop(held.remove(key)),
                        Change::DeleteBelow(key) => tally.is_wrong(format!("a directory: {key:?}")),
                    }
                }
                batch.revision
            }
            Event::Current { revision } => *revision,
            Event::Rewound { seen, now, .. } => {
                tally.is_wrong(format!("{} was rewound from {seen} to {now}", followed.name));
                continue;
            }
            _ => {
                tally.resumed.fetch_max(watcher.counters().resumes, Ordering::Relaxed);
                continue;
            }
        };
        tally.checked.fetch_add(1, Ordering::Relaxed);
        let changes = followed.changes_until(revision.saturating_sub(base));
        if held != followed.after(changes) {
            let newest = held.values().filter_map(change_of).max();
            tally.is_wrong(format!(
                "/app/{} at revision {revision}, after {changes} changes, is said to be as after {newest:?}: {event:?}",
                followed.name
            ));
        }
        seen.store(changes, Ordering::Relaxed);
        tokio::time::sleep(followed.pause).await;
    }
}

fn change_of(value: &Bytes) -> Option<u64> {
    std::str::from_utf8(value).ok()?.split(':').next()?.parse().ok()
}
