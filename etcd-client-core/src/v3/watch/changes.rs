//! The stream of changes of one watch, as its user reads it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::event::WatchResponse;
use super::stream::WatchStream;
use crate::Error;
use crate::v3::wire::response::Header;

/// The stream of changes, from an awaited [`Watch`](super::Watch). Dropping it ends the watch on the server, too. After an error it is
/// over: to go on, watch again from the revision after the last [`WatchResponse`]'s events, or use a
/// [`Watcher`](crate::Watcher), which does that.
#[derive(Debug)]
pub struct Changes {
    header: Header,
    stream: Option<WatchStream>,
}

impl Changes {
    pub(super) fn of(stream: WatchStream) -> Self {
        Self { header: Some(stream.created().clone()).into(), stream: Some(stream) }
    }

    /// The server's confirmation: its revision was the newest of the store.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The endpoint that the changes come from; `None` after an error.
    pub fn endpoint(&self) -> Option<&str> {
        self.stream.as_ref().map(|stream| &**stream.endpoint().name())
    }

    /// The next changes; `None` after an error. Cancel safe: dropping the future loses none.
    pub async fn next(&mut self) -> Option<Result<WatchResponse, Error>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Asks the server for a response without events, whose revision says up to where all changes have come.
    /// Servers before 3.4.25 and 3.5.8 may answer ahead of changes that are still on their way, and etcd's gRPC
    /// proxy does not answer.
    pub fn request_progress(&mut self) {
        if let Some(stream) = &self.stream {
            stream.request_progress();
        }
    }
}

impl Stream for Changes {
    type Item = Result<WatchResponse, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
        let response = ready!(stream.poll_frame(cx)).and_then(WatchResponse::read);
        if response.is_err() {
            self.stream = None;
        }
        Poll::Ready(Some(response))
    }
}
