//! The one error of the clients, the stores and the watcher.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::{OneLine, Printable};

/// Why a call failed.
///
/// Cheap to clone, so that a status can keep the last one. [`kind`](Self::kind) says what a
/// program can act on; `Display` says what a person can act on: where several endpoints failed, with a
/// line for each, which `{:#}` puts on [one](OneLine).
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    message: String,
    code: Option<i32>,
    compact_revision: Option<u64>,
    maybe_applied: bool,
    retries: u32,
    failures: Vec<EndpointFailure>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What went wrong, as far as a program can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An option, an endpoint or an argument that cannot be right; refused before anything is sent.
    InvalidInput,
    /// The server refused the request as malformed, too long or impossible.
    InvalidRequest,
    /// No endpoint could be reached, or the connection was lost.
    Unavailable,
    /// No answer within the limit.
    Timeout,
    /// The member that answered has no leader: the cluster has lost its quorum, or the member has
    /// lost the cluster.
    NoLeader,
    /// The server does not accept the credentials, or wants some.
    Unauthenticated,
    /// The user may not do this.
    PermissionDenied,
    /// The revision asked for has been compacted away.
    Compacted,
    /// The revision asked for lies in the future: the history is no longer the same.
    FutureRevision,
    /// A message is larger than the limit on one side.
    TooLarge,
    /// The server's disk quota is used up; it answers reads only.
    NoSpace,
    /// There is no such thing: a key (v2), a lease, a member.
    NotFound,
    /// A condition of the write did not hold: another value or index, a key that exists (v2).
    Conflict,
    /// The caller aborted the call.
    Aborted,
    /// Too many requests; etcd asks to slow down.
    Overloaded,
    /// The answer is not what etcd answers: a proxy's error page, a malformed message.
    Protocol,
    /// Any other error of the server.
    Server,
}

/// What one endpoint answered, when no endpoint could do it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EndpointFailure {
    /// The endpoint, without credentials.
    pub endpoint: String,
    /// Its last error.
    pub error: Error,
    /// How long the endpoint was given.
    pub elapsed: Duration,
    /// When it failed, by this machine's clock.
    pub at: SystemTime,
}

/// An endpoint that failed when it was asked last, while the cluster is served by others.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailingEndpoint {
    /// The endpoint, without credentials.
    pub endpoint: String,
    /// Its last error.
    pub error: Error,
    /// When it failed for the first time since it has answered.
    pub since: SystemTime,
}

impl Error {
    /// An error of this kind, for stores that live outside this crate.
    ///
    /// The message may hold what a server has said: it is [escaped](Printable), and cut where it is
    /// longer than 4,096 characters.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        let message = Printable::line(&message.into()).at_most(Printable::BLOCK).to_string();
        Self(Arc::new(Inner {
            kind,
            message,
            code: None,
            compact_revision: None,
            maybe_applied: false,
            retries: 0,
            failures: Vec::new(),
            source: None,
        }))
    }

    /// An option or an argument that cannot be right.
    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(Kind::InvalidInput, message)
    }

    /// The revisions below `compact_revision` are gone.
    pub fn compacted(compact_revision: u64) -> Self {
        let message = format!("the revision has been compacted; the oldest is {compact_revision}");
        Self::new(Kind::Compacted, message).with(|inner| inner.compact_revision = Some(compact_revision))
    }

    /// What went wrong, for a program.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The server's own code, if it sent one: a gRPC status code (v3), an etcd error code (v2).
    pub fn code(&self) -> Option<i32> {
        self.0.code
    }

    /// The oldest revision that is left, where the server named it.
    pub fn compact_revision(&self) -> Option<u64> {
        self.0.compact_revision
    }

    /// Whether a write that failed may have been carried out all the same, now or later.
    pub fn maybe_applied(&self) -> bool {
        self.0.maybe_applied
    }

    /// How often all endpoints were tried again.
    pub fn retries(&self) -> u32 {
        self.0.retries
    }

    /// What each endpoint answered, when all were tried.
    pub fn failures(&self) -> &[EndpointFailure] {
        &self.0.failures
    }

    /// Whether the same call may succeed at another endpoint, or later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Unavailable | Kind::Timeout | Kind::NoLeader | Kind::Overloaded | Kind::Protocol
        )
    }

    /// Whether the credentials or the permissions must change before this can work.
    pub fn is_access(&self) -> bool {
        matches!(self.0.kind, Kind::Unauthenticated | Kind::PermissionDenied)
    }

    pub(crate) fn with_kind(self, kind: Kind) -> Self {
        self.with(|inner| inner.kind = kind)
    }

    pub(crate) fn with_code(self, code: i32) -> Self {
        self.with(|inner| inner.code = Some(code))
    }

    pub(crate) fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.with(|inner| inner.source = Some(Arc::from(source.into())))
    }

    pub(crate) fn with_maybe_applied(self) -> Self {
        self.with(|inner| inner.maybe_applied = true)
    }

    pub(crate) fn with_retries(self, retries: u32) -> Self {
        self.with(|inner| inner.retries = retries)
    }

    pub(crate) fn with_failures(self, failures: Vec<EndpointFailure>) -> Self {
        self.with(|inner| inner.failures = failures)
    }

    /// The same error, with the name of the endpoint that it comes from.
    pub(crate) fn at(self, endpoint: &str) -> Self {
        self.with(|inner| inner.message = format!("{endpoint}: {}", inner.message))
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

/// An error in as many lines as it has.
struct Lines<'e>(&'e Inner);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for failure in &self.0.failures {
            let EndpointFailure { endpoint, error, elapsed, .. } = failure;
            write!(f, "\n  {endpoint}: {error} (after {elapsed:.1?})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind).field("message", &self.0.message);
        if !self.0.failures.is_empty() {
            out.field("failures", &self.0.failures);
        }
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
