//! A watch of the client as one of a [`Store`](crate::Store).

use std::task::{Context, Poll};

use super::events::Events;
use crate::Error;
use crate::store::{Signal, Watch};
use crate::v3::watch::shared::{Arrival, SharedWatch};
use crate::v3::wire::response::unsigned;

#[derive(Debug)]
pub(super) struct StoreWatch {
    watch: SharedWatch,
    events: Events,
}

impl StoreWatch {
    pub(super) fn new(watch: SharedWatch, events: Events) -> Self {
        Self { watch, events }
    }
}

impl Watch for StoreWatch {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>> {
        loop {
            if let Some(signal) = self.events.next() {
                return Poll::Ready(Ok(signal));
            }
            let arrival = match self.watch.poll_next(cx) {
                Poll::Ready(arrival) => arrival?,
                Poll::Pending if self.watch.has_received_more() => {
                    return Poll::Ready(Ok(Signal::Arriving));
                }
                Poll::Pending => return Poll::Pending,
            };
            let outcome = match arrival {
                Arrival::Events(frame) => self.events.read(*frame),
                Arrival::Answer { head, covers_watch } => self.events.answer(unsigned(head), covers_watch),
            };
            if let Err(error) = outcome {
                let error = error.at(self.watch.endpoint().name());
                self.watch.give_up();
                self.watch.end_stream(error.clone());
                return Poll::Ready(Err(error));
            }
        }
    }

    fn request_progress(&mut self) {
        self.watch.request_progress();
    }

    fn check_alive(&mut self) {
        self.watch.check_alive();
    }

    fn has_heard(&self) -> bool {
        self.watch.has_heard()
    }

    fn asks_for_others(&self) -> bool {
        self.watch.asks_for_others()
    }

    fn proves_progress(&self) -> bool {
        self.events.is_exact() && !self.watch.is_sole()
    }

    fn endpoint(&self) -> &str {
        self.watch.endpoint().name()
    }

    fn abandon(self: Box<Self>) {
        self.watch.give_up();
    }
}
