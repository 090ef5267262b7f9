//! A build that was begun, as the watching task sees it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::build::Built;
use super::maker::Maker;
use crate::runtime::deadline::runtime_deadline;

/// A build that is under way. Dropped, it is aborted if that can be; a thread goes on.
pub(super) struct Running {
    maker: Arc<Maker>,
    number: u64,
    deadline: Instant,
    returned: oneshot::Receiver<Built<()>>,
    task: Option<AbortHandle>,
}

/// The same before there is a thread or a task.
pub(super) struct Begun {
    maker: Arc<Maker>,
    number: u64,
    returned: oneshot::Receiver<Built<()>>,
}

impl Begun {
    pub(super) fn new(maker: Arc<Maker>, number: u64) -> (Self, oneshot::Sender<Built<()>>) {
        let (sender, returned) = oneshot::channel();
        (Self { maker, number, returned }, sender)
    }

    pub(super) fn running(self, task: Option<AbortHandle>) -> Running {
        let Self { maker, number, returned } = self;
        let deadline = runtime_deadline(maker.limit());
        Running { maker, number, deadline, returned, task }
    }
}

impl Running {
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
                self.maker.lost(self.number);
                Err("the runtime that it is built in has ended".to_owned())
            })
        })
    }

    /// Its limit has passed. A task is ended; a thread cannot be.
    pub(super) fn give_up(&self) {
        self.maker.is_late(self.number);
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
