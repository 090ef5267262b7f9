//! A call as an HTTP request ("Requests").

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};
use tokio::sync::mpsc;

/// What is sent along with the messages of every call.
pub(in crate::v3) fn headers() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers
}

/// The messages of a call, each in its [frame](super::frame::framed).
#[derive(Debug)]
pub(in crate::v3) struct RequestBody {
    first: Option<Bytes>,
    rest: Option<mpsc::Receiver<Bytes>>,
}

/// Keeps a request from ending.
#[derive(Debug)]
pub(in crate::v3) struct HeldOpen(
    #[expect(dead_code, reason = "it is there to be dropped")] mpsc::Sender<Bytes>,
);

impl RequestBody {
    /// One message.
    pub(in crate::v3) fn one(message: Bytes) -> Self {
        Self { first: Some(message), rest: None }
    }

    /// One message, and the end when what is given with it is dropped.
    pub(in crate::v3) fn held_open(message: Bytes) -> (HeldOpen, Self) {
        let (sender, rest) = mpsc::channel(1);
        (HeldOpen(sender), Self::of_stream(message, rest))
    }

    /// A message, and then others. Their end ends the call.
    pub(in crate::v3) fn of_stream(first: Bytes, rest: mpsc::Receiver<Bytes>) -> Self {
        Self { first: Some(first), rest: Some(rest) }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let message = match (this.first.take(), &mut this.rest) {
            (Some(first), _) => Poll::Ready(Some(first)),
            (None, Some(rest)) => rest.poll_recv(cx),
            (None, None) => Poll::Ready(None),
        };
        message.map(|message| message.map(|message| Ok(Frame::data(message))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_none()
    }
}
