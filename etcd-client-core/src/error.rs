//! The one error type of the clients, the stores and the watcher.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::{OneLine, Printable};

/// Why a call of a client or a store failed.
///
/// A program decides by the [`kind`](Self::kind), or by [`is_transient`](Self::is_transient) and
/// [`is_access`](Self::is_access), which group kinds. `Display` is for people: it names the endpoint, the cause and
/// a way out. If several endpoints failed, it has a further line for each failure that is not repeated later; `{:#}`
/// puts them on [one line](OneLine), as a log needs it. It shows no values and no passwords. `Debug` is the same text,
/// as `main` and `unwrap` print it, with the causes that are not in it yet.
///
/// Cheap to clone. [`source`](StdError::source) is the error of a library below, if there is one; of what a v2 server
/// refused it is a [`Refusal`](crate::v2::Refusal).
///
/// ```
/// use etcd_client_core::{Error, Kind};
///
/// fn is_worth_a_retry(error: &Error) -> bool {
///     match error.kind() {
///         Kind::NotFound | Kind::Conflict => false,
///         _ if error.maybe_applied() => false, // a write that may be done already
///         _ => error.is_transient(),
///     }
/// }
///
/// assert!(is_worth_a_retry(&Error::new(Kind::Timeout, "10.0.0.1:2379: no answer within 5 s")));
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    /// Where it happened, if it was one endpoint's.
    endpoint: Option<String>,
    message: String,
    code: Option<i32>,
    compact_revision: Option<u64>,
    maybe_applied: bool,
    retries: u32,
    failures: Vec<EndpointFailure>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What went wrong, as far as a program can act on it, from [`Error::kind`].
///
/// | kinds | what to do |
/// | --- | --- |
/// | [`Unavailable`](Self::Unavailable), [`Timeout`](Self::Timeout), [`NoLeader`](Self::NoLeader), [`Overloaded`](Self::Overloaded), [`Protocol`](Self::Protocol) | try again later: [`Error::is_transient`]; a write only if it is not [`maybe_applied`](Error::maybe_applied) |
/// | [`Unauthenticated`](Self::Unauthenticated), [`PermissionDenied`](Self::PermissionDenied) | correct or grant: [`Error::is_access`] |
/// | [`NotFound`](Self::NotFound), [`Conflict`](Self::Conflict), [`Aborted`](Self::Aborted) | outcomes that a program expects |
/// | [`Compacted`](Self::Compacted), [`FutureRevision`](Self::FutureRevision) | read the present state, and go on from there |
/// | [`InvalidInput`](Self::InvalidInput), [`InvalidRequest`](Self::InvalidRequest), [`TooLarge`](Self::TooLarge) | correct the program or its options |
/// | [`NoSpace`](Self::NoSpace), [`Server`](Self::Server) | somebody has to look at the server |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An option, an endpoint or an argument is invalid; nothing was sent.
    InvalidInput,
    /// The server rejected the request as malformed, too long or impossible.
    InvalidRequest,
    /// No endpoint could be reached, or the connection was lost.
    Unavailable,
    /// No answer within the time limit.
    Timeout,
    /// The member that answered has no leader: the cluster has lost its quorum, or the member has
    /// lost the cluster.
    NoLeader,
    /// The server rejects the credentials, or requires some.
    Unauthenticated,
    /// The user's roles do not allow this.
    PermissionDenied,
    /// The revision asked for has been compacted: list, and watch after that.
    Compacted,
    /// The store has not come to the revision asked for: its history was replaced, or the member is lagging.
    FutureRevision,
    /// A request or an answer is larger than a limit of the client or the server.
    TooLarge,
    /// The server's space quota is used up (alarm `NOSPACE`); it only answers reads.
    NoSpace,
    /// There is no such key (v2), lease or member.
    NotFound,
    /// A condition of the write did not hold: another value or index, a key that exists (v2).
    Conflict,
    /// The caller aborted the call with a handle.
    Aborted,
    /// The server has too many requests.
    Overloaded,
    /// The answer is not one of etcd: a proxy's error page, a malformed message.
    Protocol,
    /// Any other error that the server has answered with.
    Server,
}

/// The failure of one endpoint in a call that failed at all of them, from [`Error::failures`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EndpointFailure {
    /// The endpoint, without credentials.
    pub endpoint: String,
    /// Its last error.
    pub error: Error,
    /// How long the call at this endpoint took.
    pub elapsed: Duration,
    /// When it failed, by this machine's clock.
    pub at: SystemTime,
}

/// An endpoint whose last call failed, from
/// [`Store::failing_endpoints`](crate::Store::failing_endpoints). Calls succeed at the others, but there is one less
/// to fail over to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailingEndpoint {
    /// The endpoint, without credentials.
    pub endpoint: String,
    /// Its last error.
    pub error: Error,
    /// When it failed for the first time after its last answer, by this machine's clock.
    pub since: SystemTime,
}

impl Error {
    /// An error of this kind, for implementations of [`Store`](crate::Store) outside this crate.
    ///
    /// The message may quote a server: it is [escaped](Printable), and cut after 4,096 characters.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        let message = Printable::line(&message.into()).at_most(Printable::BLOCK).to_string();
        Self(Arc::new(Inner {
            kind,
            endpoint: None,
            message,
            code: None,
            compact_revision: None,
            maybe_applied: false,
            retries: 0,
            failures: Vec::new(),
            source: None,
        }))
    }

    /// An option or an argument is invalid.
    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(Kind::InvalidInput, message)
    }

    /// An error of the kind [`Compacted`](Kind::Compacted), for a [`Store`](crate::Store): the revisions before
    /// `compact_revision` are compacted.
    pub fn compacted(compact_revision: u64) -> Self {
        let message = format!("the revision has been compacted; the oldest is {compact_revision}");
        Self::new(Kind::Compacted, message).with(|inner| inner.compact_revision = Some(compact_revision))
    }

    /// Revision 0 is asked for, which etcd would take for the newest one.
    pub(crate) fn no_revision_zero() -> Self {
        Self::invalid_input("there is no revision 0: the first one is 1")
    }

    /// What went wrong, for a program to act on. If several endpoints failed it is that of the whole call;
    /// [`failures`](Self::failures) has each one's.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The server's own code, if it sent one: a gRPC status code (v3), an etcd error code (v2).
    pub fn code(&self) -> Option<i32> {
        self.0.code
    }

    /// For [`Kind::Compacted`], the oldest revision that is left, if the server named it.
    pub fn compact_revision(&self) -> Option<u64> {
        self.0.compact_revision
    }

    /// Whether the write may have been applied although it failed, or may still be: read before it is tried again.
    /// `false` if it is certain that no server has acted on it, and for reads.
    pub fn maybe_applied(&self) -> bool {
        self.0.maybe_applied
    }

    /// In how many further rounds all endpoints were tried; 0 if there was only the first.
    pub fn retries(&self) -> u32 {
        self.0.retries
    }

    /// The failure of each endpoint, if all were tried; otherwise empty.
    pub fn failures(&self) -> &[EndpointFailure] {
        &self.0.failures
    }

    /// Whether the same call may succeed later, or at another endpoint, without anything being changed.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Unavailable | Kind::Timeout | Kind::NoLeader | Kind::Overloaded | Kind::Protocol
        )
    }

    /// Whether the credentials or the permissions must be changed for the call to succeed.
    pub fn is_access(&self) -> bool {
        matches!(self.0.kind, Kind::Unauthenticated | Kind::PermissionDenied)
    }

    #[cfg(feature = "v2")]
    pub(crate) fn with_kind(self, kind: Kind) -> Self {
        self.with(|inner| inner.kind = kind)
    }

    pub(crate) fn with_code(self, code: i32) -> Self {
        self.with(|inner| inner.code = Some(code))
    }

    pub(crate) fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.with(|inner| inner.source = Some(Arc::from(source.into())))
    }

    /// The same error, with [`maybe_applied`](Self::maybe_applied): for a [`Store`](crate::Store) of your own that has
    /// lost the answer to a write.
    ///
    /// ```
    /// use etcd_client_core::{Error, Kind};
    ///
    /// let error = Error::new(Kind::Unavailable, "the connection was lost").with_maybe_applied();
    /// assert!(error.maybe_applied());
    /// ```
    #[must_use]
    pub fn with_maybe_applied(self) -> Self {
        self.with(|inner| inner.maybe_applied = true)
    }

    pub(crate) fn with_retries(self, retries: u32) -> Self {
        self.with(|inner| inner.retries = retries)
    }

    pub(crate) fn with_failures(self, failures: Vec<EndpointFailure>) -> Self {
        self.with(|inner| inner.failures = failures)
    }

    /// The same error, with the endpoint before its message.
    pub(crate) fn at(self, endpoint: &str) -> Self {
        self.with(|inner| {
            if let Some(inside) = inner.endpoint.replace(endpoint.to_owned()) {
                inner.message = format!("{inside}: {}", inner.message);
            }
        })
    }

    /// The same error, with the user between the endpoint and its message.
    pub(crate) fn of_user(self, user: &str) -> Self {
        let user = Printable::line(user);
        self.with(|inner| inner.message = format!("user {user:?}: {}", inner.message))
    }

    /// An error of the same kind and code in other words, of which this one is the source.
    pub(crate) fn reworded(self, message: impl Into<String>) -> Self {
        let (kind, code) = (self.kind(), self.code());
        Self::new(kind, message).with_source(self).with(|inner| inner.code = code)
    }

    fn with(mut self, complete: impl FnOnce(&mut Inner)) -> Self {
        complete(Arc::make_mut(&mut self.0));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = Lines(&self.0);
        if f.alternate() { OneLine(lines).fmt(f) } else { lines.fmt(f) }
    }
}

/// An error with a line for each failure.
struct Lines<'e>(&'e Inner);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { endpoint, message, maybe_applied, failures, .. } = self.0;
        endpoint.iter().try_for_each(|endpoint| write!(f, "{endpoint}: "))?;
        f.write_str(message)?;
        if *maybe_applied {
            f.write_str("; the write may have been applied, or may still be")?;
        }
        let lines: Vec<_> = failures
            .iter()
            .map(|failure| (format!("\n  {}: {}", failure.endpoint, failure.error), failure.elapsed))
            .collect();
        if !lines.is_empty() {
            f.write_str(":")?;
        }
        for (place, (line, elapsed)) in lines.iter().enumerate() {
            // It fails in one round as in the one before.
            if lines[place + 1..].iter().any(|(later, _)| later == line) {
                continue;
            }
            f.write_str(line)?;
            if !elapsed.is_zero() {
                write!(f, " (after {elapsed:.1?})")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.to_string();
        // Of several endpoints' failures, the cause is in the line of each.
        let mut source = if self.0.failures.is_empty() { self.source() } else { None };
        while let Some(error) = source {
            let cause = match error.downcast_ref::<Self>() {
                // It has escaped what it shows of others' text, and has lines of its own.
                Some(error) => error.to_string(),
                // By `Display`: others' `Debug` may show what they do not.
                None => Printable::line(&error.to_string()).at_most(Printable::BLOCK).to_string(),
            };
            if !text.contains(&cause) {
                text = format!("{text}: {cause}");
            }
            source = error.source();
        }
        f.write_str(&text)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(endpoint: &str, error: Error, millis: u64) -> EndpointFailure {
        let elapsed = Duration::from_millis(millis);
        EndpointFailure { endpoint: endpoint.to_owned(), error, elapsed, at: SystemTime::UNIX_EPOCH }
    }

    fn refused() -> Error {
        Error::new(Kind::Unavailable, "cannot connect")
    }

    #[test]
    fn what_an_endpoint_says_in_each_round_is_said_once() {
        let mut failures = Vec::new();
        for round in 0..6 {
            failures.extend(["a:1", "b:2"].map(|endpoint| failure(endpoint, refused(), 1 + round)));
        }
        failures.insert(2, failure("a:1", Error::new(Kind::Timeout, "no answer yet"), 0));
        let error = Error::new(Kind::Unavailable, "none could be used").with_failures(failures);
        let lines = "none could be used:\n  a:1: no answer yet\n  a:1: cannot connect (after 6.0ms)\n  b:2: cannot \
                     connect (after 6.0ms)";
        assert_eq!(error.to_string(), lines);
        assert_eq!(error.failures().len(), 13);
    }

    #[test]
    fn that_a_write_may_be_applied_is_said_before_the_endpoints() {
        let error = Error::new(Kind::Timeout, "no answer").at("a:1").with_maybe_applied();
        let said = "a:1: no answer; the write may have been applied, or may still be";
        assert_eq!(error.to_string(), said);
        let error = Error::new(Kind::Timeout, "no use").with_failures(vec![failure("a:1", refused(), 0)]);
        let said = "no use; the write may have been applied, or may still be:\n  a:1: cannot connect";
        assert_eq!(error.with_maybe_applied().to_string(), said);
    }

    #[test]
    fn the_user_is_named_after_the_endpoint() {
        let error = refused().at("redirected to b:2").at("a:1").of_user("svc\u{1b}");
        assert_eq!(error.to_string(), "a:1: user \"svc\\u{1b}\": redirected to b:2: cannot connect");
    }

    /// As of a library whose `Debug` shows the token of a request.
    #[derive(Debug)]
    #[allow(dead_code)]
    struct Foreign {
        token: &'static str,
    }

    impl fmt::Display for Foreign {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("sealed\u{1b}[2J\n")
        }
    }

    impl StdError for Foreign {}

    #[test]
    fn debug_is_the_text_with_the_causes_that_are_not_in_it() {
        let foreign = || Foreign { token: "hunter2" };
        let error = Error::invalid_input("no vault").with_source(foreign());
        for shown in [format!("{error:?}"), format!("{error:#?}")] {
            assert_eq!(shown, r"no vault: sealed\u{1b}[2J\n");
        }
        let said = Error::new(Kind::Server, "no vault: sealed\u{1b}[2J\n").with_source(foreign());
        assert_eq!(format!("{said:?}"), said.to_string());
        let all = Error::new(Kind::Server, "no use").with_failures(vec![failure("a:1", refused(), 0)]);
        let all = all.with_source(refused().with_source(foreign()));
        assert_eq!(format!("{all:?}"), "no use:\n  a:1: cannot connect");
    }
}
