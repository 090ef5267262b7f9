//! A build that was begun, as the watching task sees it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::build::{Built, RUNTIME_ENDED, in_task, on_thread};
use super::maker::{Input, Maker, Recipe};
use crate::runtime::deadline::runtime_deadline;

/// A build that is under way. Dropped, it is aborted if that can be; a thread goes on.
pub(super) struct Running {
    maker: Arc<Maker>,
    number: u64,
    deadline: Instant,
    returned: oneshot::Receiver<Built<()>>,
    task: Option<AbortHandle>,
}

impl Running {
    /// Begins a build. `hides` says that the words of a panic may hold a secret.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub(super) fn begin(maker: Arc<Maker>, old: &Input, new: &Input, hides: bool) -> Result<Self, String> {
        let (number, deadline) = (maker.begins(new), runtime_deadline(maker.limit()));
        let (sender, returned) = oneshot::channel();
        let done = {
            let (maker, input) = (Arc::clone(&maker), Arc::clone(new));
            move |made| drop(sender.send(maker.finished(number, input, made)))
        };
        let (old, new) = (Arc::clone(old), Arc::clone(new));
        let task = match maker.recipe() {
            Recipe::OnThread(build) => {
                let job = move || build(&*old, &*new);
                on_thread(maker.caller().clone(), hides, job, done).inspect_err(|_| maker.forget(number))?;
                None
            }
            Recipe::InTask(runtime, build) => {
                Some(in_task(&runtime, hides, async move { build(old, new).await }, done))
            }
        };
        Ok(Self { maker, number, deadline, returned, task })
    }

    pub(super) fn maker(&self) -> &Arc<Maker> {
        &self.maker
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What it has come to: why it has failed, if it has.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Built<()>> {
        Pin::new(&mut self.returned).poll(cx).map(|returned| {
            // Nobody sends any more: the task was dropped.
            returned.unwrap_or_else(|_| {
                self.maker.forget(self.number);
                Err(RUNTIME_ENDED.to_owned())
            })
        })
    }

    /// Its limit has passed. A task is ended; a thread cannot be.
    pub(super) fn give_up(&self) {
        self.maker.mark_late(self.number);
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
