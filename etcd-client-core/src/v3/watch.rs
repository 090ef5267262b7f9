//! Changes as they happen.

mod changes;
mod event;
pub(in crate::v3) mod shared;
mod start;
pub(in crate::v3) mod stream;

use std::sync::Arc;

pub use self::changes::Changes;
pub use self::event::{Event, EventKind, WatchResponse};

use self::stream::WatchStream;
use crate::v3::net::pool::Pool;
use crate::v3::wire::key_range::{KeyRange, range_options};
use crate::v3::wire::messages as wire;
use crate::v3::wire::response::signed;
use crate::{BoxFuture, Error};

/// A watch that is to begin. Await it for the [`Changes`].
///
/// This is the watch of one server: it ends when the connection does. Use [`Watcher`](crate::Watcher) for one that
/// goes on after failures and never loses a change.
///
/// ```no_run
/// # use etcd_client_core::{Error, v3::Client};
/// # async fn example(client: Client) -> Result<(), Error> {
/// let mut changes = client.watch("/app/").prefix().prev_kv().await?;
/// while let Some(response) = changes.next().await {
///     for event in response?.events {
///         println!("{:?}: {:?} -> {:?}", event.kind, event.prev_kv, event.kv);
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Kind::Compacted`](crate::Kind::Compacted) comes as an item of the changes, if
/// [`start_revision`](Self::start_revision) is not in the history any more.
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is awaited"]
pub struct Watch {
    pool: Arc<Pool>,
    range: KeyRange,
    request: wire::WatchCreateRequest,
}

impl Watch {
    pub(super) fn new(pool: Arc<Pool>, range: KeyRange) -> Self {
        Self { pool, range, request: wire::WatchCreateRequest::default() }
    }

    range_options!();

    /// Begins with the changes of this revision, replayed from the history; 0 for what comes now.
    pub fn start_revision(mut self, revision: u64) -> Self {
        self.request.start_revision = signed(revision);
        self
    }

    /// Brings the value before each change, too, if it is still in the history: in [`Event::prev_kv`].
    pub fn prev_kv(mut self) -> Self {
        self.request.prev_kv = true;
        self
    }

    /// Only deletions.
    pub fn no_puts(mut self) -> Self {
        self.request.filters.push(0);
        self
    }

    /// Only writes.
    pub fn no_deletes(mut self) -> Self {
        self.request.filters.push(1);
        self
    }

    /// Every 10 minutes without a change, a response without events, for its revision.
    pub fn progress_notify(mut self) -> Self {
        self.request.progress_notify = true;
        self
    }
}

impl IntoFuture for Watch {
    type Output = Result<Changes, Error>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let KeyRange { start: key, end: range_end } = self.range;
        let request = wire::WatchCreateRequest { key, range_end, ..self.request };
        Box::pin(async move {
            let stream = WatchStream::open(&self.pool, &request).await?;
            Ok(Changes::of(stream))
        })
    }
}
