//! What the watcher does about its audits (rule 8).

use super::Watcher;
use super::audit::{AuditStep, Audited, Finding};
use super::event::{Cause, Event, State};
use super::phase::Phase;
use crate::OneLine;
use crate::store::{Batch, Change};

impl Watcher {
    /// The audit was due, or has an answer, or the stream did not come to the answer's revision in time.
    pub(super) fn on_audit(&mut self) {
        let (Phase::Watching(watching), Some(mirror)) = (&mut self.phase, &self.mirror) else { return };
        let (has_gap, was_refused) = (watching.has_gap, watching.audit.was_refused());
        let (store, scope) = (self.store.as_ref(), &mut self.scope);
        match watching.audit.advance(store, &self.prefix, mirror, &self.options, scope) {
            AuditStep::Nothing => {}
            AuditStep::Read if has_gap => self.apply_audit(),
            AuditStep::Read => {
                watching.request_progress();
                self.conclude_if_reached();
                self.conclude_if_equal();
            }
            AuditStep::Overdue => self.apply_audit(),
            AuditStep::Failed(error) if has_gap => self.on_lost(error),
            AuditStep::Failed(error) if error.is_access() => {
                if !was_refused {
                    let (prefix, error) = (&self.prefix, OneLine(&error));
                    tracing::warn!(%prefix, %error, "an audit may not read the prefix: the watch may have to end");
                }
                self.events.push_back(Event::State(State::failed(error)));
            }
            AuditStep::Failed(error) => {
                tracing::debug!(prefix = %self.prefix, error = %OneLine(&error), "an audit could not read the prefix: trying again");
            }
        }
    }

    /// Concludes an audit when the stream has come to the revision of what was read.
    pub(super) fn conclude_if_reached(&mut self) {
        let (Phase::Watching(watching), Some(mirror)) = (&self.phase, &self.mirror) else { return };
        if watching.audit.read_at().is_some_and(|revision| revision <= mirror.revision()) {
            self.apply_audit();
        }
    }

    /// Concludes an audit that has read what the mirror has, although the stream has not come to that revision: what
    /// may still arrive up to there changes nothing.
    pub(super) fn conclude_if_equal(&mut self) {
        let (Phase::Watching(watching), Some(mirror)) = (&self.phase, &self.mirror) else { return };
        if !watching.has_gap && watching.audit.is_equal(mirror) {
            self.apply_audit();
        }
    }

    /// Makes what the audit has read, with what the stream has brought since, the mirror; or lists, if it shows another
    /// history.
    fn apply_audit(&mut self) {
        let (Phase::Watching(watching), Some(mirror)) = (&mut self.phase, &mut self.mirror) else { return };
        let (was_refused, endpoint) = (watching.audit.was_refused(), watching.watch.endpoint().to_owned());
        let Some(audited) = watching.audit.conclude(&self.options, mirror) else { return };
        let Audited { revision, cluster, rewound, finding } = audited;
        if was_refused {
            tracing::info!(prefix = %self.prefix, endpoint, "an audit may read the prefix again");
            self.events.push_back(Event::State(State::Watching { endpoint: endpoint.clone() }));
        }
        let is_other_cluster = mirror.is_other_cluster(cluster);
        if rewound || is_other_cluster {
            self.rewound |= rewound && !is_other_cluster;
            self.count_audit();
            return self.list(false);
        }
        match finding {
            Finding::State(listing) if listing.entries.is_empty() && !mirror.is_empty() => {
                self.count_audit();
                self.list(false);
            }
            Finding::State(mut listing) => {
                let had_gap = self.count_audit();
                let Some(mirror) = &self.mirror else { return };
                listing.revision = listing.revision.max(mirror.revision());
                self.replace_mirror(listing, if had_gap { Cause::Resync } else { Cause::Audit });
                if let Some(mirror) = &mut self.mirror {
                    mirror.prove(revision);
                }
                if had_gap {
                    self.report(State::Watching { endpoint });
                }
            }
            Finding::Repairs(changes) => {
                self.count_audit();
                self.repair(revision, changes);
            }
            Finding::Unexplained => watching.audit.list(self.store.as_ref(), &self.prefix, mirror),
        }
    }

    /// Counts a completed audit, or the listing that has closed a gap. Whether it was the latter.
    fn count_audit(&mut self) -> bool {
        let Phase::Watching(watching) = &mut self.phase else { return false };
        let had_gap = std::mem::take(&mut watching.has_gap);
        self.counters.lists += u64::from(had_gap);
        self.counters.audits += u64::from(!had_gap);
        had_gap
    }

    /// Counts an audit that has brought what the watch has not. Where the audit is ahead, the stream may still bring it.
    pub(super) fn count_repair(&mut self, keys: usize, is_ahead: bool) {
        self.counters.repairs += 1;
        let prefix = &self.prefix;
        if is_ahead {
            tracing::warn!(%prefix, keys, "an audit was ahead of the watch, which has not brought this in time");
        } else {
            tracing::warn!(%prefix, keys, "an audit found what the watch had missed");
        }
    }

    /// Brings the mirror to what was written up to this revision, where the stream has not.
    fn repair(&mut self, revision: u64, changes: Vec<Change>) {
        let Some(mirror) = &mut self.mirror else { return };
        let (is_ahead, keys) = (revision > mirror.revision(), changes.len());
        let has_missed = !mirror.has_values(&changes);
        let batch = mirror.apply(Batch { revision: revision.max(mirror.revision()), changes });
        mirror.prove(revision);
        if has_missed {
            self.count_repair(keys, is_ahead);
        }
        self.events.push_back(Event::changed_or_current(batch, Cause::Audit));
    }
}
