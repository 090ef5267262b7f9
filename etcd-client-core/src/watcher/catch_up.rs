//! Catching up after a watch that missed much: by what was written meanwhile, and not by a replay of each change.
//!
//! A server replays every change that was made, those of 1,000 revisions in one message, and begins after up to 100 ms.
//! What was written since comes at once, each key with its last value. So where a replay may bring more changes than
//! there are keys, the store is first asked for what was written. If that is less than half of the keys, the changes are
//! replayed after all, so that each revision is reported.

use super::Watcher;
use super::audit::Audit;
use super::event::Event;
use super::history_check::{self, CheckedDelta, Question, Written};
use super::mirror::{Before, Mirror};
use super::newest::Newest;
use super::phase::{AfterPause, Phase, WatchStart};
use crate::store::Delta;
use crate::{Error, Kind};

/// The changes that one revision may have: what an etcd server allows a transaction, unless it is set otherwise.
const CHANGES_IN_REVISION: u64 = 128;
/// So few changes are replayed in any case.
const FEW: u64 = 1_000;

impl Watcher {
    /// The newest head of a store up to which the watch is replayed without a question.
    pub(super) fn replayed_until(&self, mirror: &Mirror) -> u64 {
        let (seen, keys) = (mirror.revision(), u64::try_from(mirror.len()).unwrap_or(u64::MAX));
        let limit = seen.saturating_add(self.options.replay_limit);
        if self.options.replay_each || self.scope.of_delta(mirror).is_none() {
            return limit;
        }
        let in_revision = keys.clamp(1, CHANGES_IN_REVISION);
        let short = keys.max(FEW) / in_revision;
        limit.min(seen.max(self.replay_measured).saturating_add(short))
    }

    /// What the store is asked before a watch goes on.
    pub(super) fn question_before(&self, start: WatchStart, mirror: &Mirror) -> Question {
        let is_resume = start == WatchStart::Resume;
        let since = if is_resume { self.scope.of_delta(mirror) } else { None };
        let until = since.map_or(u64::MAX, |_| self.replayed_until(mirror));
        Question { is_resume, until, since: since.filter(|_| !self.doubted) }
    }

    /// The audit after a reconnect. What was asked before the watch went on is used for it. `None` if that does not
    /// explain the mirror, so that the watch must be opened once more.
    pub(super) fn audit_of_resume(&mut self, written: Option<Written>) -> Option<Audit> {
        self.doubted = false;
        let (Some(written), Some(mirror)) = (written, &mut self.mirror) else {
            return Some(Audit::soon(&self.options));
        };
        let is_nothing = written.is_nothing_since(mirror.revision(), mirror.len());
        let Written { since, delta } = written;
        if !is_nothing {
            return Some(Audit::of_delta(since, delta, mirror.revision(), &self.options, &self.scope));
        }
        if mirror.repairs(since, &delta, &Before::new()).is_none_or(|repairs| !repairs.is_empty()) {
            self.doubted = true;
            return None;
        }
        // Nothing was written, so what the stream still brings from before that changes nothing.
        mirror.advance(delta.revision);
        mirror.prove(delta.revision);
        self.counters.audits += 1;
        self.events.push_back(Event::Current { revision: delta.revision });
        Some(Audit::after_proof(&self.options, &self.scope))
    }

    /// Reads what the stream could not deliver. The connection is not lost, so no state is reported.
    pub(super) fn refresh(&mut self) {
        let since = self.mirror.as_ref().and_then(|mirror| self.scope.of_delta(mirror));
        if since.is_some() {
            return self.catch_up(false);
        }
        self.phase = Phase::Listing { call: self.store.list(&self.prefix), is_second: false };
    }

    /// Reads what was written since the mirror, or lists.
    pub(super) fn catch_up(&mut self, may_replay: bool) {
        let Some(mirror) = self.mirror.as_ref().filter(|_| !self.rewound) else { return self.list(false) };
        let Some(since) = self.scope.of_delta(mirror) else { return self.list(false) };
        let call = history_check::written_since(&self.store, &self.prefix, since, mirror.history_mark());
        self.phase = Phase::CatchingUp { call, since, may_replay };
    }

    pub(super) fn on_caught_up(&mut self, answer: Result<CheckedDelta, Error>, since: u64, may_replay: bool) {
        let Some(mirror) = &mut self.mirror else { return self.list(false) };
        let CheckedDelta { delta, other_history } = match answer {
            Ok(answer) => answer,
            Err(error) if error.kind() == Kind::InvalidRequest => {
                self.scope.unsupported();
                return if may_replay { self.open(WatchStart::Resume) } else { self.list(false) };
            }
            Err(error) if error.kind() == Kind::TooLarge => return self.list(false),
            Err(error) => return self.retry_later(error, AfterPause::Open(WatchStart::Resume)),
        };
        self.backoff.answered();
        let Delta { revision, cluster, .. } = &delta;
        let (revision, cluster) = (*revision, *cluster);
        let is_other_cluster = mirror.is_other_cluster(cluster);
        self.rewound |= !is_other_cluster && (other_history || revision < mirror.revision());
        let repairs = mirror.repairs(since, &delta, &Before::new());
        let Some(changes) = repairs.filter(|_| !self.rewound && !is_other_cluster) else {
            return self.list(false);
        };
        let missed = revision - mirror.revision();
        // Only once: in a busy store what was short has become long by the time at which the watch is open.
        let is_first = self.replay_measured <= mirror.revision();
        let is_short = missed <= self.options.replay_limit && changes.len() < mirror.len() / 2;
        if may_replay && is_first && is_short {
            self.replay_measured = revision;
            return self.open(WatchStart::Resume);
        }
        self.counters.resumes += 1;
        self.take_newest(Newest::Delta { delta, since });
    }
}
