//! What a configuration's status says, through the `metrics` facade.

use std::time::UNIX_EPOCH;

use metrics::{Counter, Gauge, Label, counter, gauge};

use crate::status::{Counters, State, Status};

/// The counters and gauges of one configuration.
pub(crate) struct Meters {
    snapshots: Counter,
    rejections: Counter,
    callback_panics: Counter,
    reconnects: Counter,
    lists: Counter,
    audits: Counter,
    repairs: Counter,
    rewinds: Counter,
    watching: Gauge,
    rejected: Gauge,
    revision: Gauge,
    snapshot_revision: Gauge,
    proven_current_at: Gauge,
}

impl Meters {
    /// The meters of the configuration whose status this is.
    pub(crate) fn new(status: &Status) -> Self {
        let labels = || vec![Label::new("config", status.name), Label::new("prefix", status.prefix.clone())];
        let meters = Self {
            snapshots: counter!("etcd_config_snapshots_total", labels()),
            rejections: counter!("etcd_config_rejections_total", labels()),
            callback_panics: counter!("etcd_config_callback_panics_total", labels()),
            reconnects: counter!("etcd_config_reconnects_total", labels()),
            lists: counter!("etcd_config_lists_total", labels()),
            audits: counter!("etcd_config_audits_total", labels()),
            repairs: counter!("etcd_config_repairs_total", labels()),
            rewinds: counter!("etcd_config_rewinds_total", labels()),
            watching: gauge!("etcd_config_watching", labels()),
            rejected: gauge!("etcd_config_rejected", labels()),
            revision: gauge!("etcd_config_revision", labels()),
            snapshot_revision: gauge!("etcd_config_snapshot_revision", labels()),
            proven_current_at: gauge!("etcd_config_proven_current_timestamp_seconds", labels()),
        };
        meters.record(status);
        meters
    }

    pub(crate) fn record(&self, status: &Status) {
        let Counters { snapshots, rejections, callback_panics, reconnects, lists, audits, repairs, rewinds } =
            status.counters;
        self.snapshots.absolute(snapshots);
        self.rejections.absolute(rejections);
        self.callback_panics.absolute(callback_panics);
        self.reconnects.absolute(reconnects);
        self.lists.absolute(lists);
        self.audits.absolute(audits);
        self.repairs.absolute(repairs);
        self.rewinds.absolute(rewinds);
        let rejected = matches!(status.state, State::Rejected);
        self.watching.set(f64::from(rejected || status.state.is_watching()));
        self.rejected.set(f64::from(rejected));
        self.revision.set(gauged(status.revision));
        self.snapshot_revision.set(gauged(status.snapshot_revision));
        let proven = status.proven_current_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.proven_current_at.set(proven.as_secs_f64());
    }
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is a float; revisions stay far below 2^53")]
fn gauged(revision: u64) -> f64 {
    revision as f64
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use metrics::{CounterFn, GaugeFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};

    use super::*;
    use crate::standing::Standing;

    /// Remembers the last value of each meter.
    #[derive(Default)]
    struct Recording(Mutex<Vec<(String, Arc<Last>)>>);

    #[derive(Default)]
    struct Last(Mutex<f64>);

    impl CounterFn for Last {
        fn increment(&self, value: u64) {
            *self.0.lock().unwrap() += gauged(value);
        }
        fn absolute(&self, value: u64) {
            *self.0.lock().unwrap() = gauged(value);
        }
    }

    impl GaugeFn for Last {
        fn increment(&self, value: f64) {
            *self.0.lock().unwrap() += value;
        }
        fn decrement(&self, value: f64) {
            *self.0.lock().unwrap() -= value;
        }
        fn set(&self, value: f64) {
            *self.0.lock().unwrap() = value;
        }
    }

    impl Recording {
        fn meter(&self, key: &Key) -> Arc<Last> {
            let last = Arc::<Last>::default();
            let labels: Vec<_> = key.labels().map(Label::value).collect();
            self.0.lock().unwrap().push((format!("{} {}", key.name(), labels.join(" ")), Arc::clone(&last)));
            last
        }

        fn value(&self, name: &str) -> f64 {
            let meters = self.0.lock().unwrap();
            let (_, last) = meters.iter().find(|(meter, _)| meter == name).expect(name);
            *last.0.lock().unwrap()
        }
    }

    impl Recorder for Recording {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(self.meter(key))
        }
        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(self.meter(key))
        }
        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> metrics::Histogram {
            metrics::Histogram::noop()
        }
    }

    #[test]
    fn say_what_the_status_says() {
        let recording = Recording::default();
        let standing = Standing::new("Service", "/service".to_owned(), 7, None);
        let meters = metrics::with_local_recorder(&recording, || Meters::new(&standing.status()));
        standing.write(|record| record.accept(9));
        meters.record(&standing.status());
        assert!((recording.value("etcd_config_snapshots_total Service /service") - 2.0).abs() < 1e-9);
        assert!((recording.value("etcd_config_snapshot_revision Service /service") - 9.0).abs() < 1e-9);
        assert!(recording.value("etcd_config_watching Service /service").abs() < 1e-9);
        assert!(recording.value("etcd_config_proven_current_timestamp_seconds Service /service") > 1e9);
    }
}
