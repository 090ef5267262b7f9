//! Requests of a page, through the trait of its service.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Instant;

use etcd_config::http::{Body, Page};
use http::{Request, Response};
use http_body::Body as _;
use serde_json::Value;
use tower_service::Service;

use crate::service::SOON;

/// An answer whose body was read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: http::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.head.get(name).map(|value| value.to_str().expect("it is text")).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!((self.status, self.header("content-type")), (200, "application/json"), "{}", self.text);
        serde_json::from_str(&self.text).expect("it is JSON")
    }
}

/// A body that nobody could read.
struct Unread;

/// A runtime of one thread.
pub(crate) fn block_on<R>(work: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

pub(crate) fn ask(page: &Page, method: &str, uri: &str) -> Response<Body> {
    let request = Request::builder().method(method).uri(uri).body(Unread).expect("a request");
    let mut page = page.clone();
    block_on(async move {
        poll_fn(|cx| Service::<Request<Unread>>::poll_ready(&mut page, cx)).await.expect("it is infallible");
        page.call(request).await.expect("it is infallible")
    })
}

pub(crate) fn answer(page: &Page, method: &str, uri: &str) -> Answer {
    let (head, mut body) = ask(page, method, uri).into_parts();
    let mut text = Vec::new();
    block_on(async {
        while let Some(bytes) = next(&mut body).await {
            text.extend_from_slice(&bytes);
        }
    });
    let text = String::from_utf8(text).expect("it is UTF-8");
    Answer { status: head.status.as_u16(), head: head.headers, text }
}

pub(crate) fn get(page: &Page, uri: &str) -> Answer {
    answer(page, "GET", uri)
}

async fn next(body: &mut Body) -> Option<Vec<u8>> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
    Some(frame.expect("it is infallible").into_data().expect("there are no trailers").to_vec())
}

/// An open event stream.
pub(crate) struct Stream(Body);

impl Stream {
    pub(crate) fn open(page: &Page) -> Self {
        let response = ask(page, "GET", "/events");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(response.into_body())
    }

    /// The next event; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<String> {
        let event = block_on(async { tokio::time::timeout(SOON, next(&mut self.0)).await });
        let event = event.expect("an event comes, or the end");
        event.map(|event| String::from_utf8(event).expect("it is UTF-8"))
    }

    /// Reads on until an event has something in it.
    pub(crate) fn until(&mut self, wanted: &str) -> String {
        let begin = Instant::now();
        loop {
            let event = self.next().unwrap_or_else(|| panic!("the stream ended without {wanted:?}"));
            assert!(begin.elapsed() < SOON, "no event has {wanted:?}; the last one: {event}");
            if event.contains(wanted) {
                return event;
            }
        }
    }
}
