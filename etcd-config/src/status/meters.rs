//! What is shown to the facade `metrics` and on the page of the feature `http`, where they are on.
//!
//! Everything has the labels `config`, the name of the struct, and `prefix`. A recorder must be
//! installed before the configuration is watched.

use std::time::SystemTime;

use crate::status::Counters;

#[cfg_attr(feature = "metrics", path = "meters/facade.rs")]
#[cfg_attr(not(feature = "metrics"), path = "meters/off.rs")]
mod shown;

#[cfg(any(feature = "http", feature = "metrics"))]
pub(crate) mod list;

pub(crate) use shown::Meters;

/// What is shown.
#[cfg_attr(not(any(feature = "http", feature = "metrics")), allow(dead_code))]
pub(crate) struct Reading {
    pub(crate) counters: Counters,
    pub(crate) hanging_builds: u64,
    pub(crate) revision: u64,
    pub(crate) snapshot_revision: u64,
    pub(crate) is_watching: bool,
    pub(crate) is_rejecting: bool,
    pub(crate) is_from_cache: bool,
    pub(crate) proven_current_at: SystemTime,
    pub(crate) confirmed_at: SystemTime,
}
