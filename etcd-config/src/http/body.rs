//! The body of an answer.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::http_body::{Frame, SizeHint};
use bytes::Bytes;

use super::board::Reader;

/// The body of what a [`Page`](super::Page) answers: a text, or a stream of events.
pub struct Body(Content);

enum Content {
    Text(Option<Bytes>),
    Events(Reader),
}

impl Body {
    pub(super) fn text(text: impl Into<Bytes>) -> Self {
        let text = text.into();
        Self(Content::Text((!text.is_empty()).then_some(text)))
    }

    pub(super) fn empty() -> Self {
        Self(Content::Text(None))
    }

    pub(super) fn events(reader: Reader) -> Self {
        Self(Content::Events(reader))
    }
}

impl ::http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = |data| Ok(Frame::data(data));
        match &mut self.0 {
            Content::Text(text) => Poll::Ready(text.take().map(frame)),
            Content::Events(reader) => reader.poll(cx).map(|data| data.map(frame)),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Content::Text(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Content::Events(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Content::Text(_) => "Body(text)",
            Content::Events(_) => "Body(events)",
        })
    }
}
