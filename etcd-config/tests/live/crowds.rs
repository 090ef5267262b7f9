//! Very many who listen: what one of them costs does not grow with the others.

use std::time::{Duration, Instant};

use crate::service::{store, watch};

const MANY: usize = 100_000;
/// A hundred times what it takes; a cost that grows with the others is four times as much.
const LIMIT: Duration = Duration::from_secs(8);

#[test]
fn cancelling_subscriptions_takes_a_time_that_follows_their_number() {
    let settings = watch(&store());
    let all: Vec<_> = (0..MANY).map(|_| settings.on_change(|_| {})).collect();
    let begin = Instant::now();
    all.iter().rev().for_each(etcd_config::Subscription::cancel);
    assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
}

#[test]
fn opening_streams_takes_a_time_that_follows_their_number() {
    let settings = watch(&store());
    let begin = Instant::now();
    let all: Vec<_> = (0..MANY).map(|_| settings.changes()).collect();
    assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
    drop(all);
    let begin = Instant::now();
    (0..MANY).for_each(|_| drop(settings.changes()));
    assert!(begin.elapsed() < LIMIT, "of readers that are gone: {:?}", begin.elapsed());
}
