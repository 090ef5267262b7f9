//! Nothing is shown to anyone: the feature `metrics` is off.

use std::time::SystemTime;

use crate::status::Counters;

pub(crate) struct Meters;

#[allow(dead_code)] // The same as with the feature, where all of it is read.
pub(crate) struct Reading {
    pub(crate) counters: Counters,
    pub(crate) revision: u64,
    pub(crate) snapshot_revision: u64,
    pub(crate) is_watching: bool,
    pub(crate) is_rejecting: bool,
    pub(crate) is_from_cache: bool,
    pub(crate) proven_current_at: SystemTime,
}

#[allow(clippy::unused_self)]
impl Meters {
    pub(crate) fn new(_name: &'static str, _prefix: &str) -> Self {
        Self
    }

    pub(crate) fn show(&self, _before: Counters, _now: &Reading) {}
}
