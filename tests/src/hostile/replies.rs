//! What a hostile server answers.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// What it answers.
#[derive(Clone, Debug, Default)]
pub struct Replies {
    pub(super) raw: Bytes,
    pub(super) first: Vec<Bytes>,
    pub(super) for_ever: Option<Bytes>,
    pub(super) to_requests: Option<Bytes>,
    pub(super) later: Vec<(Duration, Bytes)>,
    pub(super) open: bool,
    pub(super) informational: bool,
    pub(super) end: End,
    status: Option<(u32, String)>,
    headers: Vec<(String, String)>,
    trailers: Vec<(String, String)>,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// With a status in the trailers.
    #[default]
    Status,
    /// With trailers that hold none.
    NoStatus,
    /// As soon as it begins, with the status in the place of the headers.
    AtOnce,
    /// With a reset for this reason.
    Reset(u32),
}

impl Replies {
    /// These messages, then the end.
    pub fn of(messages: impl IntoIterator<Item = Bytes>) -> Self {
        Self { first: messages.into_iter().collect(), ..Self::default() }
    }

    /// These bytes, which need be no messages.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self { raw: bytes.into(), ..Self::default() }
    }

    /// A status of gRPC.
    pub fn status(code: u32, message: &str) -> Self {
        Self { status: Some((code, message.to_owned())), ..Self::default() }
    }

    /// Nothing but "103 Early Hints", for ever.
    pub fn informational() -> Self {
        Self { informational: true, ..Self::default() }
    }

    /// And then this again and again, as fast as it is read.
    #[must_use]
    pub fn and_for_ever(self, message: Bytes) -> Self {
        Self { for_ever: Some(message), ..self }
    }

    /// And this to each further message of the client.
    #[must_use]
    pub fn to_requests(self, message: Bytes) -> Self {
        Self { to_requests: Some(message), open: true, ..self }
    }

    /// And this after a while, at the latest.
    #[must_use]
    pub fn later(mut self, pause: Duration, message: Bytes) -> Self {
        self.later.push((pause, message));
        Self { open: true, ..self }
    }

    /// And no end, as long as the client wants more.
    #[must_use]
    pub fn and_silence(self) -> Self {
        self.later(Duration::from_secs(3_600), Bytes::new())
    }

    /// And the status at once, in the place of the headers, with no messages.
    #[must_use]
    pub fn only_trailers(self) -> Self {
        Self { end: End::AtOnce, ..self }
    }

    /// And the end of the stream for this reason, instead of a status.
    #[must_use]
    pub fn reset(self, reason: u32) -> Self {
        Self { end: End::Reset(reason), ..self }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With one more trailer.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl Into<String>) -> Self {
        self.trailers.push((name.to_owned(), value.into()));
        self
    }

    /// Without a status in the trailers.
    #[must_use]
    pub fn without_status(self) -> Self {
        Self { end: End::NoStatus, ..self }
    }

    pub(super) fn headers(&self) -> HeaderMap {
        map(&self.headers)
    }

    pub(super) fn fill(&self, trailers: &mut HeaderMap) {
        let (code, message) = self.status.clone().unwrap_or_default();
        if self.end != End::NoStatus {
            trailers.insert("grpc-status", HeaderValue::from(code));
            trailers.insert("grpc-message", HeaderValue::from_str(&message).expect("a message for a header"));
        }
        trailers.extend(map(&self.trailers));
    }
}

fn map(headers: &[(String, String)]) -> HeaderMap {
    let header = |(name, value): &(String, String)| {
        let name: HeaderName = name.parse().expect("a name for a header");
        (name, HeaderValue::from_str(value).expect("a value for a header"))
    };
    headers.iter().map(header).collect()
}
