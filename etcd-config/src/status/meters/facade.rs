//! The facade `metrics`, with which programs gather their counters and gauges.

use metrics::{Counter, Gauge, Label, counter, gauge};

use crate::status::Counters;
use crate::status::meters::Reading;
use crate::status::meters::list::{COUNTERS, Count, GAUGES, Level};

/// The counters and gauges of one configuration.
pub(crate) struct Meters {
    counters: Vec<(Count, Counter)>,
    gauges: Vec<(Level, Gauge)>,
}

impl Meters {
    pub(crate) fn new(name: &'static str, prefix: &str) -> Self {
        let labels = vec![Label::from_static_parts("config", name), Label::new("prefix", prefix.to_owned())];
        let counters = COUNTERS.iter().map(|(name, count, _)| (*count, counter!(*name, labels.clone())));
        let gauges = GAUGES.iter().map(|(name, level, _)| (*level, gauge!(*name, labels.clone())));
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
