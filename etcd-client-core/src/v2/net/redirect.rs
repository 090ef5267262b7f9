//! Where a server sends a request instead of answering it.

use http::header::LOCATION;
use http::{Method, StatusCode};

use crate::printable::excerpt;
use crate::v2::net::failure::Failure;
use crate::v2::net::refusal::Refusal;
use crate::v2::wire::headers::Headers;
use crate::{Error, Kind};

/// How often one request is sent elsewhere, as by node-etcd.
const MOST: usize = 10;

/// The way of one request so far.
pub(in crate::v2) struct Redirections {
    left: usize,
}

impl Redirections {
    pub(in crate::v2) fn new() -> Self {
        Self { left: MOST }
    }

    /// Where the request goes on; `None` if this is its answer. Method and body stay, so only reads
    /// follow what clients make a GET of: a write would look as if it had been done.
    pub(in crate::v2) fn next(
        &mut self,
        answer: &reqwest::Response,
        method: &Method,
    ) -> Result<Option<reqwest::Url>, Failure> {
        let status = answer.status();
        let is_kept = match status.as_u16() {
            301..=303 => matches!(*method, Method::GET | Method::HEAD),
            307 | 308 => true,
            _ => return Ok(None),
        };
        let next = target(answer)?;
        if !is_kept {
            return Err(not_followed(answer, &next));
        }
        if self.left == 0 {
            let message = format!("redirected more than {MOST} times, at last to {}", shown(&next));
            return Err(failure(answer, Kind::Protocol, message));
        }
        self.left -= 1;
        Ok(Some(next))
    }
}

fn target(answer: &reqwest::Response) -> Result<reqwest::Url, Failure> {
    let from = answer.url();
    let fail = |message: String| failure(answer, Kind::Protocol, message);
    let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let location =
        location.ok_or_else(|| fail(format!("HTTP {} without a Location", answer.status().as_u16())))?;
    let mut next = from.join(location).map_err(|error| fail(format!("redirected to no address: {error}")))?;
    let _ = next.set_username("");
    let _ = next.set_password(None);
    match (from.scheme(), next.scheme()) {
        ("http", "http" | "https") | ("https", "https") => Ok(next),
        (_, scheme) => {
            Err(fail(format!("redirected from {} to {scheme}:, which is not followed", from.scheme())))
        }
    }
}

fn not_followed(answer: &reqwest::Response, to: &reqwest::Url) -> Failure {
    let message = format!(
        "HTTP {}: redirected to {}, which only reads follow: if etcd is there, make that the endpoint",
        answer.status().as_u16(),
        shown(to)
    );
    failure(answer, Kind::Server, message)
}

fn failure(answer: &reqwest::Response, kind: Kind, message: String) -> Failure {
    let status = answer.status();
    let refusal = Refusal::unread(&Headers::new(status, answer.headers().clone()));
    let error = Error::new(kind, message).with_source(refusal);
    // A 303 is what a server answers that has done it.
    Failure { untouched: status != StatusCode::SEE_OTHER, ..Failure::of_endpoint(error) }
}

/// Without the query, in which there may be values.
pub(in crate::v2) fn shown(url: &reqwest::Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), excerpt(url.path().as_bytes()))
}
