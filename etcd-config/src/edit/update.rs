//! An edit that is decided again whenever somebody else was first.

use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use super::Edit;
use super::commit::Written;
use crate::decode::Derived;
use crate::error::Error;
use crate::reading::{ReadPlan, Reading};
use crate::runtime::caller::runtime;

/// How long it is tried. Conflicts for longer mean that others write all the time.
const LIMIT: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// So many more attempts there is to be time for.
const ATTEMPTS_LEFT: u32 = 4;

/// Edits until it is written; blocks.
pub(crate) fn update<T: Derived>(
    plan: &ReadPlan,
    mut decide: impl FnMut(Edit<T>) -> Result<Edit<T>, Error>,
) -> Result<Written, Error> {
    let mut attempts = Attempts::new();
    // The connection stays for the next attempt.
    let mut last = None;
    loop {
        attempts.begin();
        let reading = Reading::blocking::<T>(plan.clone(), None)?;
        drop(last.replace(reading.clone()));
        let plan = decide(Edit::new(reading))?.plan()?;
        if attempts.is_last() {
            return plan.commit();
        }
        match plan.try_commit()? {
            Some(written) => return Ok(written),
            None => thread::sleep(attempts.pause()),
        }
    }
}

/// The same in a tokio runtime.
pub(crate) async fn update_async<T: Derived>(
    plan: &ReadPlan,
    mut decide: impl FnMut(Edit<T>) -> Result<Edit<T>, Error>,
) -> Result<Written, Error> {
    runtime()?;
    let mut attempts = Attempts::new();
    let mut last = None;
    loop {
        attempts.begin();
        let reading = Reading::new::<T>(plan.clone(), None).await?;
        drop(last.replace(reading.clone()));
        let plan = decide(Edit::new(reading))?.plan()?;
        if attempts.is_last() {
            return plan.commit_async().await;
        }
        match plan.try_commit_async().await? {
            Some(written) => return Ok(written),
            None => tokio::time::sleep(attempts.pause()).await,
        }
    }
}

/// How long to wait between attempts. Of all that have read the same, the first who writes makes the others conflict, so
/// somebody always comes through. But where they ask more of the store than it can do, each attempt takes long, ever more
/// others write meanwhile, and hardly anybody comes through. So a pause is longer than the attempt took, and grows with
/// each one: without a bound but the time that is left, so that towards the end those who have waited longest wait least.
struct Attempts {
    until: Instant,
    this: Instant,
    next: Duration,
}

impl Attempts {
    fn new() -> Self {
        let now = Instant::now();
        Self { until: now + LIMIT, this: now, next: FIRST_PAUSE }
    }

    fn begin(&mut self) {
        self.this = Instant::now();
    }

    /// Whether the attempt that has begun is the last one.
    fn is_last(&self) -> bool {
        Instant::now() >= self.until
    }

    /// The pause after an attempt that has conflicted: of a random length, so that writers do not keep step.
    fn pause(&mut self) -> Duration {
        let now = Instant::now();
        let longest = self.next.max(2 * (now - self.this)).min(LIMIT);
        self.next = longest * 3 / 2;
        longest.min((self.until - now) / ATTEMPTS_LEFT).mul_f64(fastrand::f64())
    }
}
