//! The counters and gauges of a configuration: their names, how they are read, and what they are.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Reading;
use crate::status::Counters;

/// A counter or a gauge: its name, how it is read, and what it is, for a person.
pub(crate) type Meter<R> = (&'static str, R, &'static str);
pub(crate) type Count = fn(&Counters) -> u64;
pub(crate) type Level = fn(&Reading) -> f64;

pub(crate) const COUNTERS: &[Meter<Count>] = &[
    (
        "etcd_config_snapshots_total",
        |counters| counters.snapshots,
        "Snapshots that were published, the first included.",
    ),
    ("etcd_config_rejections_total", |counters| counters.rejections, "Updates that were refused."),
    (
        "etcd_config_builds_total",
        |counters| counters.builds,
        "Builds of resources, and calls of prepare, that were begun for updates.",
    ),
    (
        "etcd_config_build_failures_total",
        |counters| counters.build_failures,
        "Those of them that failed, panicked or passed their limit.",
    ),
    (
        "etcd_config_callback_panics_total",
        |counters| counters.callback_panics,
        "Calls of callbacks that panicked.",
    ),
    (
        "etcd_config_watch_panics_total",
        |counters| counters.watch_panics,
        "Panics while the store was followed.",
    ),
    ("etcd_config_losses_total", |counters| counters.losses, "Watch streams that were lost."),
    ("etcd_config_lists_total", |counters| counters.lists, "Reads of the whole prefix, without audits."),
    ("etcd_config_audits_total", |counters| counters.audits, "Comparisons of what is held with the store."),
    (
        "etcd_config_repairs_total",
        |counters| counters.repairs,
        "Audits that found a difference; should be 0.",
    ),
    (
        "etcd_config_rewinds_total",
        |counters| counters.rewinds,
        "Histories of the store that were found rewound.",
    ),
];

pub(crate) const GAUGES: &[Meter<Level>] = &[
    (
        "etcd_config_hanging_builds",
        |reading| number(reading.hanging_builds),
        "Builds of resources that go on after their time limit.",
    ),
    (
        "etcd_config_revision",
        |reading| number(reading.revision),
        "The revision of the store that everything is known up to.",
    ),
    (
        "etcd_config_snapshot_revision",
        |reading| number(reading.snapshot_revision),
        "The revision that the snapshot in force was read at.",
    ),
    ("etcd_config_watching", |reading| truth(reading.is_watching), "1 while every change is received."),
    (
        "etcd_config_rejecting",
        |reading| truth(reading.is_rejecting),
        "1 while the newest values are refused.",
    ),
    (
        "etcd_config_from_cache",
        |reading| truth(reading.is_from_cache),
        "1 while the snapshot is that of the cache file.",
    ),
    (
        "etcd_config_proven_current_timestamp_seconds",
        |reading| seconds(reading.proven_current_at),
        "When the snapshot was last known to be what the store holds.",
    ),
    (
        "etcd_config_confirmed_timestamp_seconds",
        |reading| seconds(reading.confirmed_at),
        "When the store last confirmed what it holds.",
    ),
];

/// Exact up to 2^53, which no store's revision comes near.
#[allow(clippy::cast_precision_loss)]
fn number(number: u64) -> f64 {
    number as f64
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

fn truth(truth: bool) -> f64 {
    f64::from(u8::from(truth))
}
