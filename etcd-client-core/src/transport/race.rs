//! Attempts at one endpoint after the other, the next one beside those that are silent.
//!
//! An endpoint that fails is followed by the next at once. One that hangs is not waited for: the next
//! is asked beside it, and the first answer counts. What may be done only once is never
//! under way at two endpoints, as its attempts are never called silent.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::BoxFuture;

/// What is under way.
pub(crate) struct Race<'a, T> {
    attempts: Vec<Attempt<'a, T>>,
    next: Next,
}

struct Attempt<'a, T> {
    place: usize,
    started: Instant,
    work: Pin<Box<dyn Future<Output = T> + Send + 'a>>,
}

/// When the next endpoint is asked beside the one that was asked last.
enum Next {
    /// That one has failed, or is silent.
    AtOnce,
    /// When this is ready, as that one is silent then.
    When(BoxFuture<()>),
    /// That one is waited for.
    AfterIt,
}

/// An attempt that has come to its end.
pub(crate) struct Done<T> {
    pub(crate) place: usize,
    pub(crate) elapsed: Duration,
    pub(crate) outcome: T,
    /// The places of those that were asked before it and have not answered yet.
    pub(crate) silent: Vec<usize>,
}

impl<'a, T> Race<'a, T> {
    pub(crate) fn new() -> Self {
        Self { attempts: Vec::new(), next: Next::AtOnce }
    }

    /// Begins an attempt at the endpoint in this place. Others are asked beside it when `silence` is ready; never, if
    /// there is none.
    pub(crate) fn start(
        &mut self,
        place: usize,
        work: impl Future<Output = T> + Send + 'a,
        silence: Option<BoxFuture<()>>,
    ) {
        self.attempts.push(Attempt { place, started: Instant::now(), work: Box::pin(work) });
        self.next = silence.map_or(Next::AfterIt, Next::When);
    }

    /// The next attempt that ends. `None` when another endpoint is to be asked, where `others` says
    /// that there is one, and when nothing is under way.
    pub(crate) async fn next(&mut self, others: bool) -> Option<Done<T>> {
        poll_fn(|cx| self.poll_next(others, cx)).await
    }

    fn poll_next(&mut self, others: bool, cx: &mut Context<'_>) -> Poll<Option<Done<T>>> {
        for at in 0..self.attempts.len() {
            if let Poll::Ready(outcome) = self.attempts[at].work.as_mut().poll(cx) {
                if at + 1 == self.attempts.len() {
                    self.next = Next::AtOnce;
                }
                let Attempt { place, started, .. } = self.attempts.remove(at);
                let silent = self.attempts[..at].iter().map(|attempt| attempt.place).collect();
                return Poll::Ready(Some(Done { place, elapsed: started.elapsed(), outcome, silent }));
            }
        }
        if self.attempts.is_empty() || others && self.next.is_due(cx) {
            self.next = Next::AtOnce;
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    /// Whether nothing is under way.
    pub(crate) fn is_over(&self) -> bool {
        self.attempts.is_empty()
    }
}

impl Next {
    fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Self::AtOnce => true,
            Self::When(silence) => silence.as_mut().poll(cx).is_ready(),
            Self::AfterIt => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn after(seconds: u32) -> BoxFuture<()> {
        Box::pin(sleep(SECOND * seconds))
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_is_asked_after_a_failure_or_beside_a_silence() {
        let mut race = Race::new();
        assert!(race.next(true).await.is_none(), "nothing is under way");
        race.start(0, sleep(SECOND * 9), Some(after(1)));
        assert!(race.next(true).await.is_none(), "silent");
        race.start(1, sleep(SECOND), Some(after(9)));
        let done = race.next(true).await.unwrap();
        assert_eq!((done.place, done.silent), (1, vec![0]));
        assert!(race.next(true).await.is_none(), "the last one is over: the next at once");
        assert!(!race.is_over());
        assert_eq!(race.next(false).await.unwrap().place, 0, "no other is left: it is waited for");
        assert!(race.next(false).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_never_silent_is_alone() {
        let mut race = Race::new();
        race.start(0, sleep(SECOND * 100), None);
        assert!(race.next(true).await.is_some());
    }
}
