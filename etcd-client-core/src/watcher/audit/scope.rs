//! How much an audit reads: what was written since the last one, or now and then the whole prefix.
//!
//! What was written, with the number of keys, proves the mirror as long as the store has the same history
//! (`mirror/delta.rs`). Only a listing shows a key that a server has lost or changed without a new revision, and another
//! history in which the newest keys are the same.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::spread;
use crate::watcher::mirror::Mirror;
use crate::watcher::options::Options;

/// The whole prefix is read within so many intervals, or within `LONGEST` if that is shorter.
const INTERVALS: u32 = 12;
const LONGEST: Duration = Duration::from_secs(60 * 60);

#[derive(Debug, Default)]
pub(in crate::watcher) struct Scope {
    /// When the next audit is to read everything.
    whole_at: Option<Instant>,
    /// The store has no [`Store::written_since`](crate::Store::written_since).
    unsupported: bool,
}

impl Scope {
    /// The prefix was listed: the next time is spread, so that processes that were started together do not list
    /// together. With an interval of an hour or more each audit lists.
    pub(in crate::watcher) fn listed(&mut self, options: &Options) {
        self.whole_at = options.audit_interval.map(|interval| {
            let longest =
                if interval < LONGEST { (interval * INTERVALS).min(LONGEST) } else { Duration::ZERO };
            Instant::now() + spread(longest, &(0.5..1.0))
        });
    }

    pub(in crate::watcher) fn unsupported(&mut self) {
        self.unsupported = true;
    }

    /// Whether the next audit is to read everything.
    pub(super) fn is_listing_due(&self) -> bool {
        self.whole_at.is_none_or(|whole_at| whole_at <= Instant::now())
    }

    /// From which revision on an audit reads what was written; `None` if it reads everything.
    pub(super) fn of_audit(&self, mirror: &Mirror) -> Option<u64> {
        if self.is_listing_due() { None } else { self.of_delta(mirror) }
    }

    /// From which revision on what was written is to be read; `None` if it cannot be, or a listing costs no more.
    pub(in crate::watcher) fn of_delta(&self, mirror: &Mirror) -> Option<u64> {
        if self.unsupported { None } else { mirror.delta_since() }
    }
}
