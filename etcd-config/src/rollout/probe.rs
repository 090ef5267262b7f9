//! A check of the user's own, which is asked again and again while a change is watched: on a thread of its own, as it may
//! take long.

use std::fmt::Display;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::runtime::deadline::runtime_deadline;

/// How long a probe may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The user's function.
#[derive(Clone)]
pub(super) struct Probe {
    ask: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    every: Duration,
}

impl Probe {
    pub(super) fn new<E: Display>(
        every: Duration,
        ask: impl Fn() -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        Self { ask: Arc::new(move || ask().map_err(|error| error.to_string())), every }
    }

    pub(super) fn with_pause(self, every: Duration) -> Self {
        Self { every, ..self }
    }
}

/// A question that is not answered yet.
struct Question {
    answer: JoinHandle<Result<(), String>>,
    deadline: Instant,
}

/// A probe that is asked.
pub(super) struct Probing {
    probe: Option<Probe>,
    next: Option<Instant>,
    running: Option<Question>,
    /// Whether there was an answer, which was a good one.
    is_answered: bool,
}

impl Probing {
    /// Asks for the first time as soon as [`begin`](Self::begin) is called.
    pub(super) fn new(probe: Option<Probe>) -> Self {
        Self { probe, next: None, running: None, is_answered: false }
    }

    pub(super) fn begin(&mut self) {
        self.next.get_or_insert_with(Instant::now);
    }

    /// Waits until it has failed, and for ever if it does not. Cancel safe.
    pub(super) async fn failure(&mut self) -> String {
        let Some(mut next) = self.next else { return pending().await };
        loop {
            if self.running.is_none() {
                sleep_until(next).await;
            }
            let Some(every) = self.probe.as_ref().map(|probe| probe.every) else { return pending().await };
            if let Err(why) = self.answer().await {
                return why;
            }
            next = runtime_deadline(every);
            self.next = Some(next);
        }
    }

    /// Whether the last answer is a good one. It is waited for, and asked for where there was none.
    pub(super) async fn end(mut self) -> Result<(), String> {
        if self.running.is_some() || !self.is_answered { self.answer().await } else { Ok(()) }
    }

    /// Cancel safe: a question is asked once, and its time goes on.
    async fn answer(&mut self) -> Result<(), String> {
        let Some(Probe { ask, .. }) = &self.probe else { return Ok(()) };
        let Question { answer, deadline } = self.running.get_or_insert_with(|| {
            let ask = Arc::clone(ask);
            Question {
                answer: tokio::task::spawn_blocking(move || ask()),
                deadline: Instant::now() + PATIENCE,
            }
        });
        let answer = timeout_at(*deadline, answer).await;
        self.running = None;
        self.is_answered = true;
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err("it panicked".to_owned()),
            Err(_) => Err(format!("it has not answered within {PATIENCE:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Whoever waits for a failure waits for other things, too, and begins anew after each of them.
    #[tokio::test(start_paused = true)]
    async fn the_time_of_a_question_goes_on_while_other_things_happen() {
        let (release, held) = mpsc::channel::<()>();
        let held = std::sync::Mutex::new(held);
        let probe = Probe::new(Duration::from_secs(1), move || {
            let _ = held.lock().unwrap().recv();
            Ok::<(), String>(())
        });
        let mut probing = Probing::new(Some(probe));
        probing.begin();
        let begin = Instant::now();
        // A blocking task that runs keeps the clock from advancing by itself.
        let why = loop {
            tokio::select! {
                biased;
                why = probing.failure() => break why,
                () = tokio::task::yield_now() => tokio::time::advance(Duration::from_secs(2)).await,
            }
            assert!(begin.elapsed() < Duration::from_secs(120), "it is never found to hang");
        };
        assert!(why.contains("has not answered within 30s"), "{why}");
        assert!(begin.elapsed() <= Duration::from_secs(34), "{:?}", begin.elapsed());
        drop(release);
    }
}
