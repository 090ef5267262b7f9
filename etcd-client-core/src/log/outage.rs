//! What is worth a line in the log of something that fails again and again: that it has begun, each other
//! form that it takes, and that it is over.

use std::time::Duration;

use tokio::time::Instant;

/// From one line about the same thing to the next, where it comes and goes.
const PACE: Duration = Duration::from_secs(60);

/// Failures in a row, in forms that a person would tell apart.
#[derive(Debug)]
pub(crate) struct Outage<F> {
    /// When the first failure was, while it lasts.
    since: Option<Instant>,
    failures: u32,
    /// The forms that the log has heard of.
    said: Vec<F>,
    said_at: Option<Instant>,
}

/// What has come to an end, and was in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) lasted: Duration,
    pub(crate) failures: u32,
}

impl<F> Default for Outage<F> {
    fn default() -> Self {
        Self { since: None, failures: 0, said: Vec::new(), said_at: None }
    }
}

impl<F: PartialEq> Outage<F> {
    /// One more failure; whether the log is to hear of it.
    pub(crate) fn failed(&mut self, form: F) -> bool {
        let now = Instant::now();
        self.since.get_or_insert(now);
        self.failures = self.failures.saturating_add(1);
        let is_due = self.said_at.is_none_or(|said| now - said >= PACE);
        let is_news = if self.said.is_empty() { is_due } else { !self.said.contains(&form) };
        if is_news {
            self.said.push(form);
            self.said_at = Some(now);
        }
        is_news
    }

    /// It works. What the log is to hear of that, if it has heard of the outage.
    pub(crate) fn over(&mut self) -> Option<Over> {
        let since = self.since.take()?;
        let failures = std::mem::take(&mut self.failures);
        let was_said = !std::mem::take(&mut self.said).is_empty();
        was_said.then(|| Over { lasted: since.elapsed(), failures })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_said_once_in_each_form_and_once_when_it_is_over() {
        let mut outage = Outage::default();
        assert_eq!(outage.over(), None);
        let said: Vec<_> = ["a", "a", "b", "a", "b", "a"].map(|form| outage.failed(form)).into();
        assert_eq!(said, [true, false, true, false, false, false]);
        sleep(PACE * 10).await;
        assert!(!outage.failed("b"), "it goes on");
        assert_eq!(outage.over(), Some(Over { lasted: PACE * 10, failures: 7 }));
        assert_eq!(outage.over(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_and_goes_is_said_once_a_minute() {
        let mut outage = Outage::default();
        let (mut begun, mut ended) = (0, 0);
        for _ in 0..6_000 {
            begun += u32::from(outage.failed(()));
            sleep(Duration::from_millis(50)).await;
            ended += u32::from(outage.over().is_some());
            sleep(Duration::from_millis(50)).await;
        }
        assert_eq!((begun, ended), (10, 10), "in ten minutes");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_lasts_is_said_however_soon_after_the_last() {
        let mut outage = Outage::default();
        assert!(outage.failed(()));
        assert!(outage.over().is_some());
        assert!(!outage.failed(()));
        sleep(PACE).await;
        assert!(outage.failed(()));
        assert_eq!(outage.over().map(|over| over.failures), Some(2));
    }
}
