//! The builds for one update, their limits, and when what has failed is tried again.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::build::{Built, late};
use super::maker::Maker;
use super::registry::Resources;
use super::running::Running;
use crate::publish::snapshot::AnySnapshot;

/// The pauses before what has failed is tried again: the first, doubled each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// While so many builds of one resource have not returned, no other is begun.
const MOST_LATE: usize = 4;

/// What has to be built before a snapshot is published.
pub(crate) struct ToBuild {
    /// In force.
    pub(crate) old: Arc<dyn AnySnapshot>,
    /// To come.
    pub(crate) new: Arc<dyn AnySnapshot>,
    pub(crate) makers: Vec<Arc<Maker>>,
    /// The same keys were tried before.
    pub(crate) is_retry: bool,
}

/// A build that has failed.
pub(crate) struct Failed {
    pub(crate) maker: Arc<Maker>,
    pub(crate) what: String,
}

/// What the watching task has to see to.
pub(crate) enum BuildEvent {
    /// All builds of an update have returned, or were given up.
    Over(Vec<Failed>),
    /// What has failed is to be tried again.
    Retry,
}

/// The builds of one configuration, as the watching task follows them.
pub(crate) struct Builds {
    resources: Arc<Resources>,
    /// For the present update, if one is held.
    is_held: bool,
    running: Vec<Running>,
    failed: Vec<Failed>,
    /// Given up, and not returned yet.
    late: Vec<Running>,
    retry_at: Option<Instant>,
    /// How often in a row the same keys were refused by a build.
    refusals: u32,
}

impl Builds {
    pub(crate) fn new(resources: Arc<Resources>) -> Self {
        Self {
            resources,
            is_held: false,
            running: Vec::new(),
            failed: Vec::new(),
            late: Vec::new(),
            retry_at: None,
            refusals: 0,
        }
    }

    /// Begins the builds for an update.
    pub(crate) fn begin(&mut self, ToBuild { old, new, makers, is_retry }: ToBuild) {
        (self.is_held, self.retry_at) = (true, None);
        if !is_retry {
            self.refusals = 0;
        }
        for maker in makers {
            let begun = match (maker.is_late_for(&new), maker.count_late()) {
                (true, _) => Err("a build of the same values has not returned yet".to_owned()),
                (false, late @ MOST_LATE..) => {
                    Err(format!("{late} builds have not returned, and no other is begun before one does"))
                }
                _ => {
                    self.resources.count_builds(1);
                    Running::begin(Arc::clone(&maker), &old, &new, self.resources.hides())
                }
            };
            match begun {
                Ok(running) => self.running.push(running),
                Err(what) => self.failed.push(Failed { maker, what }),
            }
        }
    }

    /// The update was refused by a build: it is tried again later.
    pub(crate) fn plan_retry(&mut self) {
        self.retry_at = Some(Instant::now() + pause(self.refusals));
        self.refusals += 1;
    }

    /// After a panic the update begins anew. What is under way is used if it returns in time.
    pub(crate) fn abandon(&mut self) {
        self.is_held = false;
        self.failed.clear();
        for running in std::mem::take(&mut self.running) {
            self.give_up(running);
        }
    }

    /// What has to be seen to next. Cancel safe.
    pub(crate) async fn next(&mut self) -> BuildEvent {
        loop {
            if self.is_held && self.running.is_empty() {
                self.is_held = false;
                return BuildEvent::Over(std::mem::take(&mut self.failed));
            }
            let due = self.running.iter().map(Running::deadline).chain(self.retry_at).min();
            tokio::select! {
                biased;
                (running, returned) = first_of(&mut self.running) => self.has_returned(&running, returned),
                (_, returned) = first_of(&mut self.late) => {
                    // What it has made is ready, and perhaps nobody waits for it any more.
                    if returned.is_ok() && self.retry_at.take().is_some() {
                        return BuildEvent::Retry;
                    } else if !self.is_held && self.retry_at.is_none() {
                        self.resources.tidy();
                    }
                }
                () = at(due) => {
                    self.give_up_late();
                    if self.retry_at.take_if(|at| *at <= Instant::now()).is_some() {
                        return BuildEvent::Retry;
                    }
                }
            }
        }
    }

    fn has_returned(&mut self, running: &Running, returned: Built<()>) {
        let maker = Arc::clone(running.maker());
        if let Err(what) = returned
            && maker.is_wanted()
        {
            self.failed.push(Failed { maker, what });
        }
    }

    fn give_up_late(&mut self) {
        let now = Instant::now();
        for running in self.running.extract_if(.., |running| running.deadline() <= now).collect::<Vec<_>>() {
            let maker = Arc::clone(running.maker());
            if maker.is_wanted() {
                let what = late(maker.limit());
                self.failed.push(Failed { maker, what });
            }
            self.give_up(running);
        }
    }

    fn give_up(&mut self, running: Running) {
        running.give_up();
        self.late.push(running);
    }
}

/// The first that returns, taken out; never, if there is none.
async fn first_of(builds: &mut Vec<Running>) -> (Running, Built<()>) {
    poll_fn(|cx| {
        for place in 0..builds.len() {
            if let Poll::Ready(returned) = builds[place].poll(cx) {
                return Poll::Ready((builds.swap_remove(place), returned));
            }
        }
        Poll::Pending
    })
    .await
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

/// The pause after so many refusals before: a quarter longer or shorter, so that many processes do not keep step.
fn pause(refusals: u32) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(refusals)).min(LONGEST_PAUSE);
    pause.mul_f64(0.75 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_become_longer_up_to_a_minute() {
        for (refusals, seconds) in [(0, 1), (1, 2), (5, 32), (6, 60), (40, 60)] {
            let whole = Duration::from_secs(seconds);
            let pause = pause(refusals);
            assert!(pause >= whole * 3 / 4 && pause <= whole * 5 / 4, "{refusals}: {pause:?}");
        }
    }
}
