//! What was missed is read at once, and with it what was written after the last commit: so the state at that is read, too,
//! and reported first. A consumer that holds back what is not committed never has a half of the next edit.

use super::Watcher;
use super::event::{Cause, Event};
use super::mirror::Before;
use super::newest::Newest;
use super::phase::{AfterPause, Phase, WatchStart};
use crate::store::{Batch, Entry, Listing};
use crate::{Error, OneLine};

impl Watcher {
    /// Reports what the store holds, and opens the watch after it.
    pub(super) fn take_newest(&mut self, newest: Newest) {
        match self.commit_before(&newest) {
            Some(revision) => {
                let call = self.store.list_at(&self.prefix, revision);
                self.phase = Phase::ReadingCommit { call, newest: Some(newest) };
            }
            None => self.report_newest(newest),
        }
    }

    /// The revision of the last commit that is not in the mirror, if anything may have been written after it.
    fn commit_before(&self, newest: &Newest) -> Option<u64> {
        let mirror =
            self.mirror.as_ref().filter(|_| !self.rewound && !self.options.commit_keys.is_empty())?;
        let (entries, head) = newest.parts();
        let is_commit = |entry: &&Entry| self.options.commit_keys.contains(&entry.key);
        let last = entries.iter().filter(is_commit).map(|entry| entry.revision).max()?;
        (last > mirror.revision() && last < head).then_some(last)
    }

    pub(super) fn on_commit_read(&mut self, answer: Result<Listing, Error>, newest: Newest) {
        match answer {
            Ok(listing) => {
                self.backoff.answered();
                self.replace_mirror(listing, Cause::Resync);
            }
            Err(error) if error.is_transient() || error.is_access() => {
                return self.retry_later(error, AfterPause::CatchUp);
            }
            // Compacted, or the store cannot read its past.
            Err(error) => {
                let error = OneLine(&error);
                tracing::debug!(prefix = %self.prefix, %error, "the state at the last commit cannot be read");
            }
        }
        self.report_newest(newest);
    }

    fn report_newest(&mut self, newest: Newest) {
        match newest {
            Newest::Listing(listing) => self.replace_mirror(listing, Cause::Resync),
            Newest::Delta { delta, since } => {
                let Some(mirror) = &mut self.mirror else { return self.list(false) };
                let Some(changes) = mirror.repairs(since, &delta, &Before::new()) else {
                    return self.list(false);
                };
                let revision = delta.revision;
                let batch = mirror.apply(Batch { revision, changes });
                mirror.prove(revision);
                self.events.push_back(Event::changed_or_current(batch, Cause::Resync));
            }
        }
        self.open(WatchStart::AfterListing);
    }
}
