//! What is to be reached: the table.

use crate::goals::Goal::{AtMost, Times};

/// What a metric of ours is held against.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// At most so much, in the metric's unit.
    AtMost(f64),
    /// At most so many times what this one needs in the same run.
    Times(f64, &'static str),
}

/// By row and metric.
const GOALS: &[(&str, &str, Goal)] = &[
    ("fleet", "server CPU", AtMost(1.5)),
    ("fleet", "server memory", AtMost(130.0)),
    ("fleet", "goroutines", AtMost(8_000.0)),
    ("fleet", "connections", AtMost(1_000.0)),
    ("fleet", "streams", AtMost(1_000.0)),
    ("fleet", "requests", AtMost(200.0)),
    ("fleet", "client CPU", AtMost(1.0)),
    ("more", "memory", AtMost(12.0)),
    ("more", "CPU of a start", AtMost(0.12)),
    ("one", "CPU", AtMost(10.0)),
    ("one", "wake-ups", AtMost(0.3)),
    ("load-1000", "wall", Times(1.0, "etcd-client")),
    ("load-10000", "wall", Times(1.0, "etcd-client")),
    ("load-100000", "wall", Times(1.0, "etcd-client")),
    ("load-100000", "wall", Times(1.1, "one range")),
    ("load-100000", "CPU", Times(0.75, "etcd-client")),
    ("load-100000", "peak", Times(1.2, "etcd-client")),
    ("rest", "loaded", AtMost(300.0)),
    ("rest", "after an update", AtMost(450.0)),
    ("rest", "with an old snapshot held", AtMost(650.0)),
    ("memory", "first update", AtMost(1_000.0)),
    ("memory", "with 6 snapshots held", AtMost(100.0)),
    ("update-100", "CPU an update", Times(1.0, "etcd-client")),
    ("instructions", "an update", AtMost(18.0)),
    ("visible", "median", Times(1.01, "etcd-client")),
    ("catching-up", "time", AtMost(40.0)),
    ("catching-up", "received", AtMost(1.0)),
    ("burst", "p99", AtMost(1.7)),
    ("burst", "CPU of 40,000", AtMost(0.45)),
    ("read", "a read", Times(1.1, "arc-swap")),
    ("v2", "median", Times(0.25, "node-etcd")),
    ("build", "CPU", AtMost(105.0)),
    ("build", "crates", AtMost(112.0)),
    ("build", "stripped", AtMost(4.0)),
    ("type", "size", AtMost(50.0)),
    ("type", "CPU", AtMost(0.6)),
];

pub(crate) fn of(row: &str, metric: &str) -> impl Iterator<Item = Goal> {
    GOALS
        .iter()
        .filter(move |(of_row, of_metric, _)| *of_row == row && *of_metric == metric)
        .map(|(.., goal)| *goal)
}
