//! What a watcher writes into the log about its connection: that an outage has begun, that it is over,
//! and that it watches. An outage is in the log once, not at each attempt.

use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use crate::OneLine;
use crate::log::outage::{Outage, OutageEnd};
use crate::store::Prefix;
use crate::watcher::event::State;

#[derive(Debug, Default)]
pub(super) struct ConnectionLog {
    /// The failures in a row, by the states that they led to.
    outage: Outage<Discriminant<State>>,
    has_logged_watching: bool,
}

impl ConnectionLog {
    /// The connection has failed into this state, and is tried again after `pause`. A failure that
    /// What `is_for_caller` is reported by the caller, and needs no warning.
    pub(super) fn failed(&mut self, prefix: &Prefix, state: &State, pause: Duration, is_for_caller: bool) {
        let Some(error) = state.error() else { return };
        let retry_in = format!("{:.1}s", pause.as_secs_f64());
        if !is_for_caller && self.outage.failed(discriminant(state)) {
            tracing::warn!(%prefix, error = %OneLine(error), %retry_in, "not connected: trying again until it is");
        } else {
            tracing::debug!(%prefix, error = %OneLine(error), %retry_in, "still not connected");
        }
    }

    pub(super) fn watching(&mut self, prefix: &Prefix, endpoint: &str) {
        match self.outage.end() {
            Some(OutageEnd { lasted, failures }) => {
                let outage = format!("{:.1}s", lasted.as_secs_f64());
                tracing::info!(%prefix, endpoint, %outage, failures, "connected: watching");
            }
            None if !self.has_logged_watching => tracing::info!(%prefix, endpoint, "watching"),
            None => tracing::debug!(%prefix, endpoint, "watching"),
        }
        self.has_logged_watching = true;
    }
}
