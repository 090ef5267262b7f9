//! The facade `metrics`, with which programs gather their counters and gauges.

use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{Counter, Gauge, Label, counter, gauge};

use crate::status::Counters;
use crate::status::meters::Reading;

/// The counters and gauges of one configuration.
pub(crate) struct Meters {
    counters: Vec<(Count, Counter)>,
    gauges: Vec<(Level, Gauge)>,
}

type Count = fn(&Counters) -> u64;
type Level = fn(&Reading) -> f64;

const COUNTERS: &[(&str, Count)] = &[
    ("etcd_config_snapshots_total", |counters| counters.snapshots),
    ("etcd_config_rejections_total", |counters| counters.rejections),
    ("etcd_config_builds_total", |counters| counters.builds),
    ("etcd_config_build_failures_total", |counters| counters.build_failures),
    ("etcd_config_callback_panics_total", |counters| counters.callback_panics),
    ("etcd_config_watch_panics_total", |counters| counters.watch_panics),
    ("etcd_config_losses_total", |counters| counters.losses),
    ("etcd_config_lists_total", |counters| counters.lists),
    ("etcd_config_audits_total", |counters| counters.audits),
    ("etcd_config_repairs_total", |counters| counters.repairs),
    ("etcd_config_rewinds_total", |counters| counters.rewinds),
];

const GAUGES: &[(&str, Level)] = &[
    ("etcd_config_hanging_builds", |reading| number(reading.hanging_builds)),
    ("etcd_config_revision", |reading| number(reading.revision)),
    ("etcd_config_snapshot_revision", |reading| number(reading.snapshot_revision)),
    ("etcd_config_watching", |reading| truth(reading.is_watching)),
    ("etcd_config_rejecting", |reading| truth(reading.is_rejecting)),
    ("etcd_config_from_cache", |reading| truth(reading.is_from_cache)),
    ("etcd_config_proven_current_timestamp_seconds", |reading| seconds(reading.proven_current_at)),
    ("etcd_config_confirmed_timestamp_seconds", |reading| seconds(reading.confirmed_at)),
];

impl Meters {
    pub(crate) fn new(name: &'static str, prefix: &str) -> Self {
        let labels = vec![Label::from_static_parts("config", name), Label::new("prefix", prefix.to_owned())];
        let counters = COUNTERS.iter().map(|(name, count)| (*count, counter!(*name, labels.clone())));
        let gauges = GAUGES.iter().map(|(name, level)| (*level, gauge!(*name, labels.clone())));
        Self { counters: counters.collect(), gauges: gauges.collect() }
    }

    /// Counts what has come since `before`: two configurations with the same labels add up.
    pub(crate) fn show(&self, before: Counters, now: &Reading) {
        for (count, counter) in &self.counters {
            let more = count(&now.counters).saturating_sub(count(&before));
            if more > 0 {
                counter.increment(more);
            }
        }
        for (level, gauge) in &self.gauges {
            gauge.set(level(now));
        }
    }
}

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
