//! Waiting for a state that nothing reports, by looking again and again.

use std::thread;
use std::time::{Duration, Instant};

use etcd_config::{EtcdConfig, Live};

/// Long enough for a machine that is busy with other things.
pub const SOON: Duration = Duration::from_secs(30);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// Waits until something holds, for [`SOON`] at most.
#[track_caller]
pub fn until(what: &str, holds: impl FnMut() -> bool) {
    until_within(SOON, what, holds);
}

/// Waits until something holds, for `limit` at most.
#[track_caller]
pub fn until_within(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    until_found(limit, || holds().then_some(()), || what.to_owned());
}

/// Waits until a configuration is as wanted, for `limit` at most; else the test fails with its status.
#[track_caller]
pub fn until_live<T: EtcdConfig>(
    live: &Live<T>,
    limit: Duration,
    what: &str,
    mut holds: impl FnMut(&Live<T>) -> bool,
) {
    until_found(limit, || holds(live).then_some(()), || format!("{what}\n{}", live.status()));
}

/// What `look` finds, which may take it `limit`; else the test fails with what `missing` says. It looks once
/// more after the limit, however long this thread was kept waiting.
#[track_caller]
pub fn until_found<T>(
    limit: Duration,
    mut look: impl FnMut() -> Option<T>,
    missing: impl FnOnce() -> String,
) -> T {
    let start = Instant::now();
    loop {
        let is_last = start.elapsed() >= limit;
        if let Some(found) = look() {
            return found;
        }
        assert!(!is_last, "not within {limit:?}: {}", missing());
        thread::sleep(PAUSE);
    }
}

/// As [`until`], for what happens on the runtime that the test runs on.
///
/// # Panics
/// Where it does not hold within [`SOON`], by the clock of the machine: that of the runtime may be paused.
pub async fn until_async(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "not within {SOON:?}: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
