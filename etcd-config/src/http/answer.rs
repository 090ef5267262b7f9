//! Answers: their status, their headers, and when they are there.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::header::{self, HeaderName, HeaderValue};
use ::http::{Response, StatusCode};
use serde::Serialize;
use tokio::sync::oneshot;

use super::body::Body;

pub(super) const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// On every answer: nothing is kept by anybody, shown in a frame, or read as another type.
const ALWAYS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// An answer that is there, or is made on another thread. It always comes.
pub struct Answer(Making);

enum Making {
    Made(Option<Box<Response<Body>>>),
    Awaited(oneshot::Receiver<Response<Body>>),
}

impl Answer {
    pub(super) fn made(response: Response<Body>) -> Self {
        Self(Making::Made(Some(Box::new(response))))
    }

    pub(super) fn awaited(response: oneshot::Receiver<Response<Body>>) -> Self {
        Self(Making::Awaited(response))
    }
}

impl Future for Answer {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let failed = || text(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, "the answer could not be made\n");
        match &mut self.0 {
            Making::Made(response) => {
                Poll::Ready(Ok(response.take().map_or_else(failed, |response| *response)))
            }
            Making::Awaited(response) => {
                Pin::new(response).poll(cx).map(|response| Ok(response.unwrap_or_else(|_| failed())))
            }
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Making::Made(_) => "Answer(made)",
            Making::Awaited(_) => "Answer(awaited)",
        })
    }
}

/// A whole text.
pub(super) fn text(
    status: StatusCode,
    content_type: &'static str,
    text: impl Into<String>,
) -> Response<Body> {
    let text = text.into();
    let length = HeaderValue::from(text.len());
    let mut response = with(status, content_type, Body::text(text));
    response.headers_mut().insert(header::CONTENT_LENGTH, length);
    response
}

/// A body, with the headers of all answers.
pub(super) fn with(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in ALWAYS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Something as JSON.
pub(super) fn json(value: &impl Serialize) -> Response<Body> {
    match serde_json::to_string(value) {
        Ok(json) => text(StatusCode::OK, JSON, json),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, format!("it cannot be JSON: {error}\n")),
    }
}

/// An answer that may be another one a few seconds later.
pub(super) fn unavailable(why: &str, retry_after: Option<&'static str>) -> Response<Body> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("{why}\n"));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    response
}
