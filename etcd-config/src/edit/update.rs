//! An edit that is decided again whenever somebody else was first.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::thread;
use std::time::{Duration, Instant};

use super::Edit;
use super::commit::Written;
use crate::decode::Derived;
use crate::error::Error;
use crate::reading::{ReadPlan, Reading};
use crate::runtime::caller::runtime;

/// How long it is tried. Whoever conflicts that long has a writer beside that never rests.
const LIMIT: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Edits until it is written; blocks.
pub(crate) fn update<T: Derived>(
    plan: &ReadPlan,
    mut decide: impl FnMut(Edit<T>) -> Result<Edit<T>, Error>,
) -> Result<Written, Error> {
    let mut attempts = Attempts::new();
    // The connection stays for the next attempt.
    let mut last = None;
    loop {
        let reading = Reading::blocking::<T>(plan.clone(), None)?;
        drop(last.replace(reading.clone()));
        match decide(Edit::new(reading))?.plan()?.commit() {
            Err(error) if error.is_conflict() => match attempts.pause() {
                Some(pause) => thread::sleep(pause),
                None => return Err(error),
            },
            answer => return answer,
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
        let reading = Reading::new::<T>(plan.clone(), None).await?;
        drop(last.replace(reading.clone()));
        match decide(Edit::new(reading))?.plan()?.commit_async().await {
            Err(error) if error.is_conflict() => match attempts.pause() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            },
            answer => return answer,
        }
    }
}

struct Attempts {
    begin: Instant,
    next: Duration,
}

impl Attempts {
    fn new() -> Self {
        Self { begin: Instant::now(), next: FIRST_PAUSE }
    }

    /// The pause before the next attempt, of a random length, so that writers do not keep step; `None` if it has been
    /// tried for long enough.
    fn pause(&mut self) -> Option<Duration> {
        let longest = self.next;
        self.next = (2 * longest).min(LONGEST_PAUSE);
        let random = RandomState::new().build_hasher().finish() % 1_000;
        let share = u32::try_from(random).unwrap_or_default();
        (self.begin.elapsed() < LIMIT).then(|| longest * share / 1_000)
    }
}
