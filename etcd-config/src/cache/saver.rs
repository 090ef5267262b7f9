//! When the cache is written: soon after each good update, off the watching task, and never so
//! often that it would be felt.

use std::collections::HashSet;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::{Entry, Listing, Prefix};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::CacheFile;
use crate::explain::{Row, explain};
use crate::keys::Keys;
use crate::tree::KeyTree;

/// How long two saves are apart, at least.
const PAUSE: Duration = Duration::from_secs(1);
/// How much longer than a save the pause behind it is, at least.
const SHARE: u32 = 20;

/// Saves the keys of one configuration.
pub(crate) struct Saver {
    file: CacheFile,
    keys: Arc<Keys>,
    /// The revision of a good state that is not saved.
    unsaved: Option<u64>,
    running: Option<(Instant, JoinHandle<()>)>,
    earliest: Instant,
}

impl Saver {
    pub(crate) fn new(file: CacheFile, keys: Arc<Keys>) -> Self {
        Self { file, keys, unsaved: None, running: None, earliest: Instant::now() }
    }

    /// The keys are good, as they are at this revision.
    pub(crate) fn mark(&mut self, revision: u64) {
        self.unsaved = Some(revision);
    }

    /// The keys are not good any more.
    pub(crate) fn unmark(&mut self) {
        self.unsaved = None;
    }

    /// Waits until there is something to save, and time to do so. Dropping it loses nothing.
    pub(crate) async fn due(&mut self) {
        if let Some((begin, save)) = &mut self.running {
            // It reports its own errors, and a panic is in the log.
            let _ = save.await;
            self.earliest = Instant::now() + PAUSE.max(begin.elapsed() * SHARE);
            self.running = None;
        }
        match self.unsaved {
            Some(_) => sleep_until(self.earliest).await,
            None => pending().await,
        }
    }

    /// Begins to save what is there.
    pub(crate) fn begin(&mut self, runtime: &Handle) {
        let Some(revision) = self.unsaved.take() else { return };
        let (file, keys, tree) = (self.file.clone(), Arc::clone(&self.keys), self.keys.tree());
        let save = runtime.spawn_blocking(move || save(&file, &keys, &tree, revision));
        self.running = Some((Instant::now(), save));
    }
}

fn save(file: &CacheFile, keys: &Keys, tree: &KeyTree, revision: u64) {
    let prefix = keys.context().prefix();
    let entries = if file.with_secrets { tree.entries() } else { without_secrets(keys, tree, revision) };
    let listing = Listing { revision, cluster: 0, entries };
    let path = file.path.display();
    match file.save(prefix, &listing) {
        Ok(()) => tracing::debug!(%prefix, revision, %path, "cache file written"),
        Err(error) => report(prefix, file, &error),
    }
}

fn report(prefix: &Prefix, file: &CacheFile, error: &std::io::Error) {
    let path = file.path.display();
    tracing::warn!(%prefix, %path, %error, "the cache file cannot be written: a start without etcd will fail");
}

/// Only what a field reads that is no secret: who knows what an unknown key holds.
fn without_secrets(keys: &Keys, tree: &KeyTree, revision: u64) -> Vec<Entry> {
    let explanation = explain(tree, keys.context(), revision, false);
    let is_shown = |row: &&Row| row.value().is_some();
    let public: HashSet<&str> = explanation.rows().iter().filter(is_shown).map(Row::key).collect();
    let is_public = |entry: &Entry| std::str::from_utf8(&entry.key).is_ok_and(|key| public.contains(key));
    tree.entries().into_iter().filter(is_public).collect()
}
