//! What a watcher may be told.

use std::time::Duration;

/// An interval of nothing would ask without a pause.
const SHORTEST: Duration = Duration::from_millis(1);
/// For ever, as far as clocks can add it up.
const LONGEST: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// What a [`Watcher`](super::Watcher) may be told; the defaults suit production. Intervals shorter
/// than 1 ms count as 1 ms.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How often a sign of life is asked for. A stream that has not answered when the next one is
    /// due is lost. 5 s.
    pub progress_interval: Duration,
    /// How often everything held is compared with the server, give or take a tenth; `None` for
    /// never. 5 min.
    pub audit_interval: Option<Duration>,
    /// How many revisions may have passed for a lost watch to be resumed by replay; after more, the
    /// watcher lists. 1,000: what an etcd server replays at once, every 100 ms.
    pub replay_limit: u64,
    /// How often a call is repeated that the server refuses for want of access. 10 s.
    pub access_retry: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            progress_interval: Duration::from_secs(5),
            audit_interval: Some(Duration::from_secs(300)),
            replay_limit: 1_000,
            access_retry: Duration::from_secs(10),
        }
    }
}

impl Options {
    /// With intervals that a timer can take.
    pub(super) fn bounded(self) -> Self {
        let bounded = |interval: Duration| interval.clamp(SHORTEST, LONGEST);
        Self {
            progress_interval: bounded(self.progress_interval),
            audit_interval: self.audit_interval.map(bounded),
            access_retry: bounded(self.access_retry),
            replay_limit: self.replay_limit,
        }
    }
}
