//! The options of a watcher.

use std::time::{Duration, Instant};

use bytes::Bytes;

/// An interval of zero would be a loop without a pause.
const SHORTEST: Duration = Duration::from_millis(1);
/// Longer intervals overflow the clock.
const LONGEST: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// The options of a [`Watcher`](super::Watcher); the defaults suit production. Intervals shorter than 1 ms
/// count as 1 ms, and longer than 30 years as 30 years.
///
/// ```
/// use std::time::Duration;
/// use etcd_client_core::watcher::Options;
///
/// let mut options = Options::default();
/// options.progress_interval = Duration::from_secs(2); // a dead stream is noticed within 4 s
/// options.audit_interval = None;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// A stream is lost two intervals after its last sign of life. Progress is requested one interval after it; where the
    /// last request was answered at once, one and a half, as long as 2.5 s are left for the answer. So while all is well
    /// [`Event::Current`](super::Event::Current) comes every 7.5 s by default. Default: 5 s.
    pub progress_interval: Duration,
    /// Where it is given, the one request of each interval is made at a moment that is a whole number of steps away from
    /// this one, so watchers that were given the same moment wake together. A step is about a tenth of the interval, a
    /// multiple of 64 ms. Any moment will do; that at which the tokio runtime was built lets its thread sleep longest.
    /// Default: `None`, each has moments of its own.
    pub aligned_to: Option<Instant>,
    /// How often what was reported is compared with what the store holds, give or take a tenth; it is also done soon
    /// after each reconnect. `None` for never, not then either. Default: 5 min.
    ///
    /// Most audits read only what was written since the last one, the newest keys from before that (four, or as many as
    /// have 4 KiB together, and all that were written together with one of them), and how many keys there are. This finds
    /// every write and deletion that a server has not sent. Every seventh to twelfth, and the first after an hour at the
    /// latest, lists the whole prefix, as does one that finds a deletion, and with an interval of an hour or more each
    /// does. A listing also finds what leaves no trace in the newest revisions: another history under the same names whose
    /// newest keys are the same, and keys that a server lost or changed without a revision. Prefixes of less than about
    /// 1 KiB, and stores without [`Store::written_since`](crate::Store::written_since), are always listed.
    pub audit_interval: Option<Duration>,
    /// After a lost watch, how many missed revisions are replayed. If more were missed, what was written meanwhile is
    /// read at once, or the prefix listed. The same is done for fewer if a replay could bring more changes than there are
    /// keys, and half of the keys or more have changed. Default: 1,000, which is what an etcd server replays at once,
    /// every 100 ms.
    pub replay_limit: u64,
    /// Whether up to [`replay_limit`](Self::replay_limit) missed revisions are always replayed, each reported by itself,
    /// for a consumer to whom it matters which state lay between. Default: `false`.
    pub replay_each: bool,
    /// Keys of which each write ends an edit of several writes. Where what was missed is read at once, and one of them was
    /// written meanwhile, the state at the last such write is read as well ([`Store::list_at`](crate::Store::list_at)), and
    /// reported before what was written after it; if the store still has that past. Default: none.
    pub commit_keys: Vec<Bytes>,
    /// How long to wait after the server has rejected the credentials or denied permission, give or take
    /// a tenth. Default: 10 s.
    pub access_retry: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            progress_interval: Duration::from_secs(5),
            aligned_to: None,
            audit_interval: Some(Duration::from_secs(300)),
            replay_limit: 1_000,
            replay_each: false,
            commit_keys: Vec::new(),
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
            aligned_to: self.aligned_to,
            audit_interval: self.audit_interval.map(bounded),
            access_retry: bounded(self.access_retry),
            replay_limit: self.replay_limit,
            replay_each: self.replay_each,
            commit_keys: self.commit_keys,
        }
    }
}
