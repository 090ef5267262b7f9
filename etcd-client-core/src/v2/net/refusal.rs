//! Replies that are no success.

use std::error::Error as StdError;
use std::fmt;

use http::StatusCode;
use serde::Deserialize;

use crate::printable::excerpt;
use crate::v2::net::failure::Failure;
use crate::v2::wire::error_code::ErrorCode;
use crate::v2::wire::headers::{Headers, is_index};
use crate::{Error, Kind};

/// How much of a refusal is read.
pub(in crate::v2) const LONGEST: usize = 64 << 10;

/// What a server said when it refused: the innermost [`source`](StdError::source) of an [`Error`]. For most programs
/// [`Error::kind`] is enough; this is for etcd's own code, its index and the whole answer.
///
/// `Display` and `Debug` are short and escaped, and leave out what [`cause`](Self::cause) says of a
/// comparison that did not hold: the values.
#[derive(Clone)]
pub struct Refusal {
    headers: Headers,
    body: String,
    etcd: Option<EtcdError>,
}

/// The body of the keys API's errors.
#[derive(Clone, Deserialize)]
struct EtcdError {
    #[serde(rename = "errorCode")]
    code: i32,
    #[serde(default)]
    message: String,
    #[serde(default)]
    cause: String,
    #[serde(default)]
    index: u64,
}

impl Refusal {
    /// The refusal that an error comes from, if there is one.
    ///
    /// ```
    /// use etcd_client_core::{Error, v2::{ErrorCode, Refusal}};
    ///
    /// fn is_missing(error: &Error) -> bool {
    ///     Refusal::of(error).and_then(Refusal::code) == Some(ErrorCode::KeyNotFound)
    /// }
    /// ```
    pub fn of(error: &Error) -> Option<&Self> {
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(refusal) = cause.downcast_ref() {
                return Some(refusal);
            }
            source = cause.source();
        }
        None
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.headers.status()
    }

    /// The headers that came with it. Where the keys API refused, etcd's index is in
    /// [`index`](Self::index), too.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// What came with it, at most its first 64 KiB. Empty if the status is a success's and the answer
    /// cannot be read.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// etcd's code; `None` if it was not the keys API that refused.
    pub fn code(&self) -> Option<ErrorCode> {
        self.etcd.as_ref().map(|etcd| etcd.code.into())
    }

    /// What the code means, in etcd's words.
    pub fn message(&self) -> &str {
        self.etcd.as_ref().map_or(self.body.trim(), |etcd| &etcd.message)
    }

    /// What it means in this case: the key, or `[expected != found]`.
    pub fn cause(&self) -> &str {
        self.etcd.as_ref().map_or("", |etcd| &etcd.cause)
    }

    /// etcd's index at that time; `None` if the store was not asked.
    pub fn index(&self) -> Option<u64> {
        self.etcd.as_ref().map(|etcd| etcd.index).filter(|index| *index != 0)
    }

    /// The index at which there was nothing: no such key, or no directory on the way to it.
    pub(in crate::v2) fn index_of_nothing(&self) -> Option<u64> {
        let is_nothing = matches!(self.code(), Some(ErrorCode::KeyNotFound | ErrorCode::NotDir));
        self.index().filter(|_| is_nothing)
    }

    pub(in crate::v2) fn read(headers: &Headers, body: &[u8]) -> Self {
        let headers = headers.clone();
        let body = &body[..body.len().min(LONGEST)];
        let text = String::from_utf8_lossy(body);
        let message = || serde_json::from_slice::<OtherError>(body).ok().map(|other| other.message);
        match serde_json::from_slice::<EtcdError>(body) {
            Ok(etcd) if is_index(etcd.index) => Self { headers, body: text.into_owned(), etcd: Some(etcd) },
            _ => Self { headers, body: message().unwrap_or_else(|| text.into_owned()), etcd: None },
        }
    }

    /// A success that cannot be read. Its body may hold values, and is not kept.
    pub(in crate::v2) fn unread(headers: &Headers) -> Self {
        Self { headers: headers.clone(), body: String::new(), etcd: None }
    }

    /// What it means for the call.
    pub(in crate::v2) fn into_failure(self) -> Failure {
        let kind = self.kind();
        let error = match kind {
            Kind::Compacted => Error::compacted(self.oldest_index()),
            kind => Error::new(kind, self.to_string()),
        };
        let error = match &self.etcd {
            Some(etcd) => error.with_code(etcd.code),
            None => error,
        };
        let consensus = kind == Kind::NoLeader;
        Failure {
            // What etcd itself has decided, another member would decide, too.
            elsewhere: self.etcd.is_none() || consensus,
            untouched: self.headers.http_status().is_client_error(),
            election: consensus,
            error: error.with_source(self),
        }
    }

    fn kind(&self) -> Kind {
        let Some(etcd) = &self.etcd else {
            return match self.headers.http_status() {
                StatusCode::UNAUTHORIZED => Kind::Unauthenticated,
                StatusCode::SERVICE_UNAVAILABLE if self.body.contains("election") => Kind::NoLeader,
                StatusCode::METHOD_NOT_ALLOWED => Kind::InvalidRequest,
                status if status.is_server_error() && self.is_no_leaders() => Kind::NoLeader,
                status if status.is_server_error() => Kind::Protocol,
                _ => Kind::Server,
            };
        };
        match ErrorCode::from(etcd.code) {
            ErrorCode::KeyNotFound => Kind::NotFound,
            ErrorCode::TestFailed | ErrorCode::NodeExist => Kind::Conflict,
            ErrorCode::NotFile | ErrorCode::NotDir | ErrorCode::RootReadOnly | ErrorCode::DirNotEmpty => {
                Kind::InvalidRequest
            }
            ErrorCode::Unauthorized => Kind::Unauthenticated,
            ErrorCode::LeaderElect => Kind::NoLeader,
            ErrorCode::RaftInternal if self.is_for_want_of_a_leader() => Kind::NoLeader,
            ErrorCode::EventIndexCleared => Kind::Compacted,
            ErrorCode::WatcherCleared => Kind::Unavailable,
            ErrorCode::Other(code) if (200..300).contains(&code) => Kind::InvalidRequest,
            code if (200..300).contains(&code.number()) => Kind::InvalidRequest,
            _ => Kind::Server,
        }
    }

    /// Servers older than etcd 2, and proxies for them, say it outside of the keys API.
    fn is_no_leaders(&self) -> bool {
        self.body.to_ascii_lowercase().contains("not current leader")
    }

    /// Code 300 stands for lost elections, and for bugs of the server that no patience cures.
    fn is_for_want_of_a_leader(&self) -> bool {
        let cause = self.cause();
        ["timed out", "leader", "election", "stopped", "too many requests"]
            .iter()
            .any(|sign| cause.contains(sign))
    }

    /// The cause of code 401 is `the requested history has been cleared [oldest/asked]`.
    fn oldest_index(&self) -> u64 {
        let inside = self.cause().split_once('[').and_then(|(_, rest)| rest.split_once('/'));
        inside.and_then(|(oldest, _)| oldest.parse().ok()).unwrap_or_default()
    }
}

/// Errors outside of the keys API.
#[derive(Deserialize)]
struct OtherError {
    message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(EtcdError { code, message, cause, .. }) = &self.etcd {
            f.write_str(&excerpt(message.as_bytes()))?;
            if !cause.is_empty() && ErrorCode::from(*code) != ErrorCode::TestFailed {
                write!(f, ": {}", excerpt(cause.as_bytes()))?;
            }
            return write!(f, " (code {code})");
        }
        write!(f, "HTTP {}", self.headers.http_status())?;
        if !self.body.trim().is_empty() {
            write!(f, ": {}", excerpt(self.body.as_bytes()))?;
        }
        if self.body.contains("HTTP request to an HTTPS server") {
            f.write_str(" (the server speaks TLS: write https://)")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refusal({}, {self})", self.status())
    }
}

impl StdError for Refusal {}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn failure(status: u16, body: &str) -> Failure {
        let headers = Headers::new(StatusCode::from_u16(status).unwrap(), HeaderMap::new());
        Refusal::read(&headers, body.as_bytes()).into_failure()
    }

    #[test]
    fn etcds_errors_keep_their_parts() {
        let body = r#"{"errorCode":100,"message":"Key not found","cause":"/nope","index":7}"#;
        let failure = failure(404, body);
        let refusal = Refusal::of(&failure.error).unwrap();
        assert_eq!((refusal.code(), refusal.cause()), (Some(ErrorCode::KeyNotFound), "/nope"));
        assert_eq!((refusal.message(), refusal.index()), ("Key not found", Some(7)));
        assert_eq!((failure.error.kind(), failure.error.code()), (Kind::NotFound, Some(100)));
        assert!(!failure.elsewhere && !failure.election);
    }

    #[test]
    fn a_cleared_history_is_not_a_missing_permission() {
        let body = r#"{"errorCode":401,"message":"The event in requested index is outdated and cleared",
            "cause":"the requested history has been cleared [8/1]","index":1007}"#;
        let error = failure(400, body).error;
        assert_eq!((error.kind(), error.compact_revision()), (Kind::Compacted, Some(8)));
        let error = failure(401, r#"{"errorCode":110,"message":"The request requires user authentication"}"#);
        assert_eq!(error.error.kind(), Kind::Unauthenticated);
    }

    #[test]
    fn an_election_is_told_from_a_bug() {
        let lost = r#"{"errorCode":300,"message":"Raft Internal Error","cause":"etcdserver: request timed out, possibly due to previous leader failure"}"#;
        assert!(failure(500, lost).election);
        let bug =
            r#"{"errorCode":300,"message":"Raft Internal Error","cause":"nodePath /1/d : Not a file ()"}"#;
        let failure = failure(500, bug);
        assert!(!failure.election && !failure.elsewhere && !failure.untouched);
    }

    #[test]
    fn other_peoples_errors_keep_status_and_text() {
        for (status, body) in [
            (404, "404 page not found"),
            (400, "400 Bad Request"),
            (502, "<html>Bad Gateway</html>"),
            (403, r#"{"message":"not current leader"}"#),
        ] {
            let failure = failure(status, body);
            let refusal = Refusal::of(&failure.error).unwrap();
            assert_eq!((refusal.status(), refusal.code()), (status, None));
            assert!(failure.elsewhere && !failure.election, "{body}");
            assert!(body.contains(refusal.message()));
        }
    }
}
