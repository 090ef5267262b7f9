//! What is logged of something that fails again and again: that the outage has begun, each further form that it
//! takes, and that it is over.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest time between two outages that are logged.
const PACE: Duration = Duration::from_secs(60);

/// Failures in a row. A form is what distinguishes them for a reader of the log.
#[derive(Debug)]
pub(crate) struct Outage<F> {
    /// The time of the first failure; `None` while there is no outage.
    since: Option<Instant>,
    failures: u32,
    /// The forms that were logged.
    logged: Vec<F>,
    logged_at: Option<Instant>,
}

/// An outage that is over, and was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) lasted: Duration,
    pub(crate) failures: u32,
}

impl<F> Default for Outage<F> {
    fn default() -> Self {
        Self { since: None, failures: 0, logged: Vec::new(), logged_at: None }
    }
}

impl<F: PartialEq> Outage<F> {
    /// Counts one more failure. Returns whether it should be logged.
    pub(crate) fn failed(&mut self, form: F) -> bool {
        let now = Instant::now();
        self.since.get_or_insert(now);
        self.failures = self.failures.saturating_add(1);
        let is_due = self.logged_at.is_none_or(|logged| now - logged >= PACE);
        let is_news = if self.logged.is_empty() { is_due } else { !self.logged.contains(&form) };
        if is_news {
            self.logged.push(form);
            self.logged_at = Some(now);
        }
        is_news
    }

    /// Ends the outage. Returns it if it was logged, so that its end is logged, too.
    pub(crate) fn over(&mut self) -> Option<Over> {
        let since = self.since.take()?;
        let failures = std::mem::take(&mut self.failures);
        let was_logged = !std::mem::take(&mut self.logged).is_empty();
        was_logged.then(|| Over { lasted: since.elapsed(), failures })
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
