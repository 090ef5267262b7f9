//! What a gRPC status means.

use crate::v3::grpc::answers::CallError;
use crate::v3::grpc::code::Code;
use crate::v3::grpc::status::Status;
use crate::v3::net::grpc_channel::TransportError;
use crate::{Error, Kind, Printable};

/// The longest message of a server that is shown, in characters: a balancer lists the addresses that it has tried.
const LONGEST_MESSAGE: usize = 500;

/// A call that did not succeed at one endpoint.
#[derive(Clone, Debug)]
pub(in crate::v3) struct Failure {
    pub(in crate::v3) error: Error,
    /// It is certain that the server has not acted on the request.
    pub(in crate::v3) unprocessed: bool,
    pub(in crate::v3) origin: FailedAt,
    /// Another token may help.
    pub(in crate::v3) token_refused: bool,
}

/// Where a failure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::v3) enum FailedAt {
    /// The server said no.
    Server,
    /// The connection broke, or was silent.
    Connection,
    /// The connection broke before there was an answer: the server may not speak HTTP/2.
    NotHttp2,
}

impl Failure {
    pub(in crate::v3) fn from_status(status: &Status) -> Self {
        let message = &*Printable::line(&status.message).at_most(LONGEST_MESSAGE).to_string();
        let kind = kind(status.code, message);
        let token_refused =
            is_outdated(message) || kind == Kind::Unauthenticated && !is_wrong_password(message);
        Self {
            // Interceptors answer these before the request is passed on.
            unprocessed: kind == Kind::NoLeader || token_refused || message.contains("too many requests"),
            origin: if is_truncation(message) { FailedAt::Connection } else { FailedAt::Server },
            token_refused,
            error: Error::new(kind, explain(status.code, message)).with_code(status.code.into()),
        }
    }

    /// Why the server has ended a watch, or has not begun it.
    pub(in crate::v3) fn from_cancel_reason(reason: &str) -> Self {
        let reason = &*Printable::line(reason).at_most(LONGEST_MESSAGE).to_string();
        let kind = kind_of_text(reason).unwrap_or(Kind::Server);
        // Go's form of a status in a text; the kind has its code.
        let reason = reason.split_once(" desc = ").map_or(reason, |(_, message)| message);
        let reason = if reason.is_empty() { "no reason given" } else { reason };
        let error = Error::new(kind, format!("the watch was refused: {reason}{}", hint(reason)));
        // Before 3.5.9 an outdated token is refused in the words of a missing permission.
        let token_refused = error.is_access() || is_outdated(reason);
        Self { error, unprocessed: true, origin: FailedAt::Server, token_refused }
    }

    /// Of the connection.
    pub(in crate::v3) fn broken(error: Error) -> Self {
        Self { error, unprocessed: false, origin: FailedAt::Connection, token_refused: false }
    }

    /// Whether another endpoint should be asked the next time: what is not known to be said by the whole
    /// cluster, or of the request, may be one server's trouble.
    pub(in crate::v3) fn may_be_of_one_endpoint(&self) -> bool {
        let kind = self.error.kind();
        // It is the client that refuses a message for its length; others may send it in parts.
        let is_too_long = kind == Kind::TooLarge && self.error.code() == Some(Code::OutOfRange.into());
        self.error.is_transient() || kind == Kind::Server || is_too_long
    }

    /// Whether the connection has no room for another stream. A server that has too many requests says so
    /// with a code.
    pub(in crate::v3) fn is_for_want_of_room(&self) -> bool {
        self.error.kind() == Kind::Overloaded && self.error.code().is_none()
    }

    /// Whether the connection is of no more use.
    pub(in crate::v3) fn is_broken(&self) -> bool {
        self.origin != FailedAt::Server
    }
}

impl From<TransportError> for Failure {
    fn from(transport: TransportError) -> Self {
        let TransportError { error, unsent, not_http2, refused } = transport;
        let origin = match (not_http2, refused) {
            (true, _) => FailedAt::NotHttp2,
            (_, true) => FailedAt::Server,
            _ => FailedAt::Connection,
        };
        Self { error, unprocessed: unsent, origin, token_refused: false }
    }
}

impl From<CallError<TransportError>> for Failure {
    fn from(error: CallError<TransportError>) -> Self {
        match error {
            CallError::Status(status) => Self::from_status(&status),
            CallError::Transport(transport) => transport.into(),
        }
    }
}

/// A stream that ended between two messages or inside one, without a status.
fn is_truncation(message: &str) -> bool {
    message.contains("missing grpc-status trailer") || message.contains("Unexpected EOF decoding stream")
}

fn is_wrong_password(message: &str) -> bool {
    message.contains("authentication failed")
}

/// A token of before the last change of users or roles. While one change follows another, so may the
/// token that is fetched in its place be: there is nothing wrong with the credentials.
fn is_outdated(message: &str) -> bool {
    message.contains("revision of auth store is old") || message.contains("revision in header is old")
}

fn kind(code: Code, message: &str) -> Kind {
    if is_truncation(message) {
        return Kind::Unavailable;
    }
    if let Some(kind) = kind_of_text(message) {
        return kind;
    }
    match code {
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange | Code::AlreadyExists => {
            Kind::InvalidRequest
        }
        Code::Unavailable | Code::Cancelled | Code::Aborted => Kind::Unavailable,
        Code::DeadlineExceeded => Kind::Timeout,
        Code::Unauthenticated => Kind::Unauthenticated,
        Code::PermissionDenied => Kind::PermissionDenied,
        Code::ResourceExhausted => Kind::Overloaded,
        Code::NotFound => Kind::NotFound,
        // Every etcd knows the calls that are made here; another service does not.
        Code::Internal | Code::Unimplemented => Kind::Protocol,
        Code::Ok | Code::Unknown | Code::DataLoss => Kind::Server,
    }
}

/// etcd reuses a few codes for many things; its words tell them apart.
fn kind_of_text(message: &str) -> Option<Kind> {
    const WORDS: [(&str, Kind); 19] = [
        // Since 3.6 with a code of its own; a member that votes serves.
        ("not supported for learner", Kind::Unavailable),
        ("has been compacted", Kind::Compacted),
        ("is a future revision", Kind::FutureRevision),
        ("no leader", Kind::NoLeader),
        ("request timed out", Kind::Timeout),
        ("request is too large", Kind::TooLarge),
        ("message larger than max", Kind::TooLarge),
        ("message length too large", Kind::TooLarge),
        ("database space exceeded", Kind::NoSpace),
        ("too many requests", Kind::Overloaded),
        ("invalid auth token", Kind::Unauthenticated),
        ("revision of auth store is old", Kind::Unavailable),
        ("revision in header is old", Kind::Unavailable),
        ("user name is empty", Kind::Unauthenticated),
        ("user name not found", Kind::Unauthenticated),
        ("authentication failed", Kind::Unauthenticated),
        ("permission denied", Kind::PermissionDenied),
        ("requested lease not found", Kind::NotFound),
        ("member not found", Kind::NotFound),
    ];
    WORDS.iter().find(|(words, _)| message.contains(words)).map(|(_, kind)| *kind)
}

fn explain(code: Code, message: &str) -> String {
    if message.is_empty() {
        return format!("gRPC status {} without a message", i32::from(code));
    }
    format!("{message}{}", hint(message))
}

/// What to do about it, if that is known.
fn hint(message: &str) -> &'static str {
    if message.contains("user name is empty") {
        ": the server wants a user and a password"
    } else if message.contains("database space exceeded") {
        ": compact and defragment it, then disarm the alarm"
    } else if message.contains("message length too large") {
        ": ask for less at a time, or raise the client's receive_limit()"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: Code, message: &str) -> Failure {
        Failure::from_status(&Status::new(code, message))
    }

    #[test]
    fn etcds_words_decide_where_its_codes_do_not() {
        for (code, message, kind) in [
            (Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted", Kind::Compacted),
            (
                Code::OutOfRange,
                "etcdserver: mvcc: required revision is a future revision",
                Kind::FutureRevision,
            ),
            (Code::Unavailable, "etcdserver: no leader", Kind::NoLeader),
            (Code::Unavailable, "etcdserver: leader changed", Kind::Unavailable),
            (
                Code::Unavailable,
                "etcdserver: request timed out, possibly due to previous leader failure",
                Kind::Timeout,
            ),
            (Code::InvalidArgument, "etcdserver: request is too large", Kind::TooLarge),
            (Code::ResourceExhausted, "trying to send message larger than max (1 vs. 0)", Kind::TooLarge),
            (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded", Kind::NoSpace),
            (Code::ResourceExhausted, "etcdserver: too many requests", Kind::Overloaded),
            (Code::Unauthenticated, "etcdserver: invalid auth token", Kind::Unauthenticated),
            (Code::InvalidArgument, "etcdserver: user name is empty", Kind::Unauthenticated),
            (Code::InvalidArgument, "etcdserver: revision of auth store is old", Kind::Unavailable),
            // 3.5.1, when the users changed between the check and the write.
            (Code::Unknown, "auth: revision in header is old", Kind::Unavailable),
            (Code::PermissionDenied, "etcdserver: permission denied", Kind::PermissionDenied),
            (Code::NotFound, "etcdserver: requested lease not found", Kind::NotFound),
            (Code::FailedPrecondition, "etcdserver: rpc not supported for learner", Kind::Unavailable),
            (Code::Unimplemented, "unknown service etcdserverpb.KV", Kind::Protocol),
            (Code::InvalidArgument, "etcdserver: key is not provided", Kind::InvalidRequest),
            (Code::Unknown, "something new", Kind::Server),
        ] {
            let failure = failure(code, message);
            assert_eq!(failure.error.kind(), kind, "{message}");
            assert_eq!(failure.error.code(), Some(code.into()));
            assert!(failure.error.to_string().starts_with(message));
        }
    }

    #[test]
    fn only_a_token_can_be_renewed_not_a_wrong_password() {
        assert!(failure(Code::Unauthenticated, "etcdserver: invalid auth token").token_refused);
        assert!(failure(Code::InvalidArgument, "etcdserver: revision of auth store is old").token_refused);
        let wrong = "etcdserver: authentication failed, invalid user ID or password";
        assert!(!failure(Code::InvalidArgument, wrong).token_refused);
    }

    #[test]
    fn a_request_that_timed_out_may_have_been_processed() {
        assert!(!failure(Code::Unavailable, "etcdserver: request timed out").unprocessed);
        assert!(failure(Code::Unavailable, "etcdserver: no leader").unprocessed);
    }

    #[test]
    fn words_of_any_length_and_kind_can_be_shown() {
        let text = Failure::from_cancel_reason(&"\u{1b}[2J\n".repeat(1 << 20)).error.to_string();
        assert!(text.len() < 600 && !text.contains(char::is_control), "{} bytes: {text:.100}", text.len());
        let text = failure(Code::Unknown, &format!("a\u{7}{}", "é".repeat(600))).error.to_string();
        assert!(
            text.starts_with("a\\u{7}éé") && text.ends_with("é…") && text.chars().count() < 600,
            "{text}"
        );
    }

    #[test]
    fn a_refused_watch_says_why() {
        let denied = Failure::from_cancel_reason(
            "rpc error: code = PermissionDenied desc = etcdserver: permission denied",
        );
        assert_eq!(denied.error.kind(), Kind::PermissionDenied);
        assert!(denied.token_refused);
        assert_eq!(denied.error.to_string(), "the watch was refused: etcdserver: permission denied");
        assert_eq!(Failure::from_cancel_reason("").error.kind(), Kind::Server);
    }
}
