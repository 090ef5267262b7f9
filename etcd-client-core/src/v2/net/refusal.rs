//! Replies that are no success.

use std::error::Error as StdError;
use std::fmt;

use http::StatusCode;
use serde::Deserialize;

use crate::printable::excerpt;
use crate::transport::not_etcd;
use crate::transport::tls;
use crate::v2::net::failure::Failure;
use crate::v2::wire::encoding::key_of;
use crate::v2::wire::error_code::ErrorCode;
use crate::v2::wire::headers::{Headers, is_index};
use crate::v2::wire::request::Request;
use crate::{Error, Kind};

/// How much of a refusal is read.
pub(in crate::v2) const LONGEST: usize = 64 << 10;

/// What a server said when it refused: the innermost [`source`](StdError::source) of an [`Error`]. For most programs
/// [`Error::kind`] is enough; this is for etcd's own code, its index and the whole answer.
///
/// `Display` and `Debug` are short and escaped. Of a comparison that did not hold they name the key, and the indexes if
/// only those were compared; the values, which may be secret, are in [`cause`](Self::cause) alone.
#[derive(Clone)]
pub struct Refusal {
    headers: Headers,
    body: String,
    etcd: Option<EtcdError>,
    /// It is not in the form of any of etcd's.
    is_foreign: bool,
    /// What it is in words, where the client knows more than it says.
    in_words: Option<String>,
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
        let text = String::from_utf8_lossy(body).into_owned();
        let read = Self { headers, body: text, etcd: None, is_foreign: false, in_words: None };
        match serde_json::from_slice::<EtcdError>(body) {
            Ok(etcd) if is_index(etcd.index) => return Self { etcd: Some(etcd), ..read },
            _ => {}
        }
        match serde_json::from_slice::<OtherError>(body) {
            Ok(other) => Self { body: other.message, ..read },
            Err(_) => Self { is_foreign: read.headers.cluster_id().is_none(), ..read },
        }
    }

    /// A success that cannot be read. Its body may hold values, and is not kept.
    pub(in crate::v2) fn unread(headers: &Headers) -> Self {
        let (headers, body) = (headers.clone(), String::new());
        Self { headers, body, etcd: None, is_foreign: false, in_words: None }
    }

    /// The same in other words, for people.
    pub(in crate::v2) fn in_words(self, words: String) -> Self {
        Self { in_words: Some(words), ..self }
    }

    /// Whether something else has answered than etcd, or etcd on another port or path.
    pub(in crate::v2) fn is_not_etcds(&self) -> bool {
        // Some words are etcd's own, though in no form.
        self.is_foreign
            && !matches!(self.kind(), Kind::NoLeader | Kind::InvalidRequest)
            && !not_etcd::wants_tls(self.body.as_bytes())
    }

    /// What to ask about it, if it is not etcd's.
    pub(in crate::v2) fn whose(&self) -> String {
        not_etcd::whose(self.headers.http_status(), self.body.as_bytes())
    }

    /// If a comparison did not hold: the key, which etcd leaves out, and the indexes, if only those were compared.
    pub(in crate::v2) fn comparison(&self, request: &Request) -> Option<String> {
        let EtcdError { code, message, cause, .. } = self.etcd.as_ref()?;
        if ErrorCode::from(*code) != ErrorCode::TestFailed {
            return None;
        }
        let key = key_of(&request.path_and_query)?;
        let indexes = Some(cause).filter(|cause| request.compares_indexes_only() && is_of_numbers(cause));
        let indexes = indexes.map(|indexes| format!(" {indexes}")).unwrap_or_default();
        Some(format!("{}: {}{indexes} (code {code})", excerpt(message.as_bytes()), excerpt(key.as_bytes())))
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

/// Whether it has the form `[expected != found]`, in numbers.
fn is_of_numbers(cause: &str) -> bool {
    let inside = cause.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let sides = inside.and_then(|inside| inside.split_once(" != "));
    sides.is_some_and(|(one, other)| [one, other].iter().all(|side| side.parse::<u64>().is_ok()))
}

/// Errors outside of the keys API.
#[derive(Deserialize)]
struct OtherError {
    message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(words) = &self.in_words {
            return f.write_str(words);
        }
        if let Some(EtcdError { code, message, cause, .. }) = &self.etcd {
            f.write_str(&excerpt(message.as_bytes()))?;
            if !cause.is_empty() && ErrorCode::from(*code) != ErrorCode::TestFailed {
                write!(f, ": {}", excerpt(cause.as_bytes()))?;
            }
            return write!(f, " (code {code})");
        }
        let body = self.body.as_bytes();
        f.write_str(&not_etcd::http_answer(self.headers.http_status(), body))?;
        if not_etcd::wants_tls(body) { write!(f, "; {}", tls::WANTED) } else { Ok(()) }
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
    use crate::v2::wire::request::Resend;

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
    fn of_a_comparison_the_key_is_named_and_no_value() {
        let refusal = |request: &Request, cause: &str| {
            let body =
                format!(r#"{{"errorCode":101,"message":"Compare failed","cause":"{cause}","index":7}}"#);
            let headers = Headers::new(StatusCode::PRECONDITION_FAILED, HeaderMap::new());
            Refusal::read(&headers, body.as_bytes()).comparison(request).unwrap()
        };
        let by = |flags: &[(&str, String)], fields: &[(&str, String)]| {
            Request::put("/v2/keys/app/a%20b%1B".to_owned(), flags, fields, Resend::Never).unwrap()
        };
        let pair = |name: &'static str, value: &str| (name, value.to_owned());
        let key = r"Compare failed: /app/a b\u{1b}";
        let index = by(&[pair("prevIndex", "3")], &[pair("value", "prevValue=")]);
        assert_eq!(refusal(&index, "[3 != 7]"), format!("{key} [3 != 7] (code 101)"));
        assert_eq!(refusal(&index, "[hunter2 != 7]"), format!("{key} (code 101)"));
        // A value may be a number, too.
        for value in [
            by(&[pair("prevIndex", "3"), pair("prevValue", "1234")], &[]),
            by(&[pair("prevIndex", "3")], &[pair("value", "x"), pair("prevValue", "1234")]),
            by(&[], &[pair("prevValue", "1234")]),
        ] {
            assert_eq!(refusal(&value, "[1234 != 5678]"), format!("{key} (code 101)"));
        }
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
