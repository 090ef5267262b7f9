//! A check of the user's own, which is asked again and again while a change is watched: on a thread of its own, as it may
//! take long.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

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

/// A probe that is asked.
pub(super) struct Probing {
    probe: Option<Probe>,
    next: Option<Instant>,
    running: Option<JoinHandle<Result<(), String>>>,
}

impl Probing {
    /// Asks for the first time as soon as [`begin`](Self::begin) is called.
    pub(super) fn new(probe: Option<Probe>) -> Self {
        Self { probe, next: None, running: None }
    }

    pub(super) fn begin(&mut self) {
        self.next.get_or_insert_with(Instant::now);
    }

    /// Waits until it has failed, and for ever if it does not. Cancel safe.
    pub(super) async fn failure(&mut self) -> String {
        let (Some(probe), Some(next)) = (self.probe.clone(), self.next) else {
            return std::future::pending().await;
        };
        let mut next = next;
        loop {
            if self.running.is_none() {
                sleep_until(next).await;
                let ask = Arc::clone(&probe.ask);
                self.running = Some(tokio::task::spawn_blocking(move || ask()));
            }
            if let Err(why) = self.answer().await {
                return why;
            }
            next = Instant::now() + probe.every;
            self.next = Some(next);
        }
    }

    /// Whether the last question, if there is one, is answered well.
    pub(super) async fn end(mut self) -> Result<(), String> {
        if self.running.is_some() { self.answer().await } else { Ok(()) }
    }

    async fn answer(&mut self) -> Result<(), String> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let answer = timeout(PATIENCE, running).await;
        self.running = None;
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err("it panicked".to_owned()),
            Err(_) => Err(format!("it has not answered within {PATIENCE:?}")),
        }
    }
}
