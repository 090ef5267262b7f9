//! What the answers for probes depend on.

use std::time::Duration;

use crate::live::view::View;
use crate::status::State;

/// When `/healthz` and `/readyz` of a [`Page`](super::Page) fail: for [`Page::healthy_when`](super::Page::healthy_when)
/// and [`Page::ready_when`](super::Page::ready_when).
///
/// [`following`](Self::following) alone is right for almost every service, and the default of both: an outage of etcd
/// and a refused value meet all instances at once, and a probe that fails on either takes the whole service down.
/// [`docs::probes`](crate::docs::probes) has the reasons. Whatever is asked for, the answer is 503 with the reason where
/// it fails.
///
/// ```
/// use std::time::Duration;
///
/// use etcd_config::http::{Page, Probe};
/// # use etcd_config::{EtcdConfig, MemoryStore};
/// # #[derive(EtcdConfig)]
/// # #[etcd(prefix = "/payments")]
/// # struct Settings { #[etcd(default = 10)] workers: u32 }
/// # let settings = Settings::watch(MemoryStore::new())?;
///
/// // No traffic for an instance that has not heard of etcd for ten minutes.
/// let page = Page::of(&settings).ready_when(Probe::following().fresh_within(Duration::from_secs(600)));
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    max_age: Option<Duration>,
    accepted: bool,
    connected: bool,
}

impl Probe {
    /// Fails only where nothing follows the store any more: the configuration was closed, its last handle was dropped,
    /// or the runtime that it was watched on has ended.
    #[must_use]
    pub const fn following() -> Self {
        Self { max_age: None, accepted: false, connected: false }
    }

    /// Fails, too, where the store has not confirmed what it holds for longer than this, as
    /// [`Live::require_fresh`](crate::Live::require_fresh) does: minutes, not seconds. Refused values do not count.
    #[must_use]
    pub const fn fresh_within(self, max_age: Duration) -> Self {
        Self { max_age: Some(max_age), ..self }
    }

    /// Fails, too, while the newest values are [refused](crate::Status::refused_since). One bad value takes every
    /// instance out at once: this is for an alarm, and hardly ever for a probe.
    #[must_use]
    pub const fn accepted(self) -> Self {
        Self { accepted: true, ..self }
    }

    /// Fails, too, while there is an error that keeps changes from being received: no server answers, there is no
    /// leader, the credentials or the permissions are not sufficient. [`fresh_within`](Self::fresh_within) is more
    /// patient.
    #[must_use]
    pub const fn connected(self) -> Self {
        Self { connected: true, ..self }
    }

    /// Why it fails, if it does, for a person.
    pub(super) fn failure(&self, view: &View) -> Option<String> {
        let status = view.status();
        if matches!(status.state, State::Stopped) {
            return Some("stopped: nothing follows the store any more".to_owned());
        }
        let mut reasons = Vec::new();
        if let Some(error) = self.max_age.and_then(|max_age| view.check_fresh(max_age).err()) {
            reasons.push(format!("stale: {error}"));
        }
        if let Some(error) = status.state.error().filter(|_| self.connected) {
            reasons.push(format!("{}: {error}", status.state));
        }
        if let Some(refusal) = status.refusal().filter(|_| self.accepted) {
            reasons.push(format!("refused: {refusal}"));
        }
        (!reasons.is_empty()).then(|| reasons.join("\n"))
    }
}

/// [`following`](Self::following).
impl Default for Probe {
    fn default() -> Self {
        Self::following()
    }
}
