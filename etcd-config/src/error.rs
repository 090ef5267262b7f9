//! The one error of this crate.

mod fleet;
mod not_running;
mod rollout;
mod writing;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::{OneLine, Prefix, Printable};

pub(crate) use self::fleet::{FleetLag, Unreadable};
pub use self::fleet::{InstanceLag, LaggingInstance};
#[cfg(feature = "cli")]
pub(crate) use self::rollout::RESUME_OR_ABORT;
pub(crate) use self::rollout::RolloutFailure;
pub use self::rollout::{RolloutEnd, TakeBackReason};
pub use self::writing::ConflictingKey;
pub(crate) use self::writing::WriteFailure;
use self::writing::Writing;
use crate::problem::{Problem, Report};

/// Why there is no configuration, or why a call about it failed.
///
/// The `is_` functions say what can be done about it; the text is for people, and changes.
///
/// | function | what has happened | what helps |
/// | --- | --- | --- |
/// | [`is_invalid`](Self::is_invalid) | keys are missing, do not decode, or are refused by a check | correct the [`problems`](Self::problems) |
/// | [`is_timeout`](Self::is_timeout) | a limit has passed | try again; [`store`](Self::store) has the cause at each endpoint |
/// | [`is_access`](Self::is_access) | the store rejects the credentials, or the user may not read or write these keys | correct or grant them |
/// | [`is_stale`](Self::is_stale) | the store has not confirmed the values for too long | wait; [`load`](crate::Live::load) has them all the same |
/// | [`is_stopped`](Self::is_stopped) | the watch has ended | watch again |
/// | [`is_conflict`](Self::is_conflict) | somebody else has changed what an edit was decided on | read again and decide again |
/// | [`maybe_applied`](Self::maybe_applied) | the answer to a write was lost | read, and see |
/// | [`written`](Self::written) | an edit is written, and something else was changed at the same time | correct the [`problems`](Self::problems), if there are any |
/// | [`lagging`](Self::lagging) | instances of a fleet do not have a revision in force | look at why |
/// | [`rollout`](Self::rollout) | a rollout was not promoted | look at how it has ended |
/// | [`is_invalid_document`](Self::is_invalid_document) | a text in JSON, YAML or TOML cannot be read, or what is in a document cannot be written in a format | correct the text, at the line and column of the message |
/// | [`is_invalid_option`](Self::is_invalid_option) | an option or a call is wrong, and nothing was tried | correct the program |
///
/// None of them is true where a file, a thread or a runtime fails, nor for other errors of the
/// [`store`](Self::store), such as an endpoint that cannot be one.
///
/// ```
/// use etcd_config::{EtcdConfig, MemoryStore};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     workers: u32,
/// }
///
/// let error = Settings::watch(MemoryStore::new()).unwrap_err();
/// assert!(error.is_invalid() && !error.is_timeout());
/// assert_eq!(error.problems()[0].key(), "/payments/workers");
/// ```
///
/// Cheap to clone. `Display` is written for a person, in lines, with the commands that write what is missing;
/// `{:#}` says the same on one line, without the commands, as a log wants it. `Debug` is as `Display`, because that is
/// what `fn main() -> Result<(), Error>` prints.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

enum Inner {
    /// The keys are there, and are not what the struct wants.
    Problems(Report),
    /// The store did not answer, or refused.
    Store(etcd_client_core::Error),
    /// The store refuses to be read, whatever the time, and what was to be read.
    Refusal { what: String, error: etcd_client_core::Error, way_out: String },
    /// An edit was not written, or something is uncertain about it.
    Writing(Writing),
    /// Instances of a fleet do not have a revision in force.
    Fleet(FleetLag),
    /// A rollout has ended, and was not promoted.
    Rollout(RolloutFailure),
    /// No snapshot within the limit, and what was tried last.
    Startup {
        what: &'static str,
        limit: Duration,
        last: Option<etcd_client_core::Error>,
        cache: Option<String>,
    },
    /// What was waited for did not come within the limit.
    Wait { what: String, limit: Duration },
    /// The snapshot is older than a caller accepts.
    Stale(String),
    /// The watch was stopped while someone waited for it: which, and why.
    Stopped(String),
    /// An option that cannot be right.
    Unusable(String),
    /// A text that is no document, or a document that cannot be written as a text.
    Document(String),
    /// Something of this process failed.
    Failed(String),
    /// A file, or a thread, that could not be had.
    Io { what: String, source: std::io::Error },
}

impl Error {
    /// All that is wrong with the keys, where that is the reason ([`is_invalid`](Self::is_invalid)); else empty.
    /// `Display` prints the first 50.
    pub fn problems(&self) -> &[Problem] {
        match &*self.0 {
            Inner::Problems(report) => report.problems(),
            Inner::Writing(Writing { failure: WriteFailure::SlippedIn { report, .. }, .. }) => {
                report.problems()
            }
            _ => &[],
        }
    }

    /// Whether the keys are the reason: they are there, and do not make a valid configuration.
    pub fn is_invalid(&self) -> bool {
        !self.problems().is_empty() || matches!(&*self.0, Inner::Problems(_))
    }

    /// Whether a time limit passed: of a start, of a `wait_` function, of [`Live::close`](crate::Live::close), of a
    /// call to the store.
    pub fn is_timeout(&self) -> bool {
        match &*self.0 {
            Inner::Startup { .. } | Inner::Wait { .. } => true,
            Inner::Fleet(fleet) => fleet.limit.is_some(),
            Inner::Store(error) => error.kind() == etcd_client_core::Kind::Timeout,
            Inner::Writing(writing) => {
                writing.store().is_some_and(|error| error.kind() == etcd_client_core::Kind::Timeout)
            }
            _ => false,
        }
    }

    /// Whether the store refuses the credentials, or the user may not read the prefix, or not write the keys of an edit.
    pub fn is_access(&self) -> bool {
        self.store().is_some_and(etcd_client_core::Error::is_access)
    }

    /// Whether there are values, but the store has not confirmed what it holds for longer than was accepted: from
    /// [`Live::require_fresh`](crate::Live::require_fresh).
    pub fn is_stale(&self) -> bool {
        matches!(&*self.0, Inner::Stale(_))
    }

    /// Whether the watch was stopped: [closed](crate::Live::close), or ended with its runtime; or this is the child of
    /// a `fork`, and it is the parent's.
    pub fn is_stopped(&self) -> bool {
        matches!(&*self.0, Inner::Stopped(_))
    }

    /// Whether an option cannot be right, so that nothing was tried; or a call is made where it cannot be: without a
    /// runtime, or in decoding or a callback that would wait for itself.
    pub fn is_invalid_option(&self) -> bool {
        matches!(&*self.0, Inner::Unusable(_))
    }

    /// Whether the text of a [`Document`](crate::Document) cannot be read; or a document cannot be written in a format.
    /// That keys of it are unknown, or values do not fit, is [`is_invalid`](Self::is_invalid).
    pub fn is_invalid_document(&self) -> bool {
        matches!(&*self.0, Inner::Document(_))
    }

    /// Whether an edit was not written because somebody else has changed something below the prefix since it was read:
    /// [`conflicts`](Self::conflicts) are these keys.
    pub fn is_conflict(&self) -> bool {
        matches!(&*self.0, Inner::Writing(Writing { failure: WriteFailure::Conflict { .. }, .. }))
    }

    /// The keys that somebody else has changed, where that is the reason ([`is_conflict`](Self::is_conflict)). Empty even
    /// then if they were changed back, or cannot be read any more.
    pub fn conflicts(&self) -> &[ConflictingKey] {
        match &*self.0 {
            Inner::Writing(Writing { failure: WriteFailure::Conflict { keys, .. }, .. }) => keys,
            _ => &[],
        }
    }

    /// Whether an edit may be written, now or later: the answer was lost, and reading has not shown what became of it. It
    /// is not sent again. For a rollout that is [`RolloutEnd::Unknown`] of [`rollout`](Self::rollout), and false here.
    pub fn maybe_applied(&self) -> bool {
        matches!(&*self.0, Inner::Writing(Writing { failure: WriteFailure::Unknown { .. }, .. }))
    }

    /// The revision at which an edit is written although the call has failed: something else was changed at the same
    /// time, which together with it is refused ([`problems`](Self::problems)), or could not be read.
    pub fn written(&self) -> Option<u64> {
        match &*self.0 {
            Inner::Writing(writing) => writing.written(),
            _ => None,
        }
    }

    /// The store's error, where there is one. Its [`kind`](crate::client::Error::kind) is finer than the functions
    /// here, and its [`failures`](crate::client::Error::failures) are the causes at each endpoint.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, MemoryStore, client::Kind};
    /// # #[derive(EtcdConfig, Debug)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let store = MemoryStore::new();
    /// store.refuse(true);
    /// let options = Settings::options().startup_timeout(Duration::from_millis(100));
    /// let error = options.load_once(&store).unwrap_err();
    /// assert!(error.is_timeout());
    /// assert_eq!(error.store().map(|error| error.kind()), Some(Kind::Unavailable));
    /// ```
    pub fn store(&self) -> Option<&etcd_client_core::Error> {
        match &*self.0 {
            Inner::Store(error) | Inner::Refusal { error, .. } => Some(error),
            Inner::Writing(writing) => writing.store(),
            Inner::Startup { last, .. } => last.as_ref(),
            Inner::Fleet(fleet) => fleet.store(),
            Inner::Rollout(rollout) => rollout.error.as_ref(),
            _ => None,
        }
    }

    /// The instances that do not have a revision in force, and why, where
    /// [`Fleet::wait_for_revision`](crate::Fleet::wait_for_revision) has failed because of them. Empty otherwise.
    pub fn lagging(&self) -> &[LaggingInstance] {
        match &*self.0 {
            Inner::Fleet(fleet) => &fleet.lagging,
            _ => &[],
        }
    }

    /// The end of a [`Rollout`](crate::Rollout) that was not promoted: why, and what is in the store now.
    pub fn rollout(&self) -> Option<&RolloutEnd> {
        match &*self.0 {
            Inner::Rollout(rollout) => Some(&rollout.end),
            _ => None,
        }
    }

    /// Whether a wait for a fleet has ended with an answer about its instances, and that they could be followed to the end.
    #[cfg(feature = "cli")]
    pub(crate) fn is_fleet_lag(&self) -> bool {
        matches!(&*self.0, Inner::Fleet(fleet) if fleet.store().is_none())
    }

    pub(crate) fn from_report(report: Report) -> Self {
        Self(Arc::new(Inner::Problems(report)))
    }

    /// The store refuses that `prefix` is read for `name`.
    pub(crate) fn refusal(name: &str, prefix: &Prefix, error: etcd_client_core::Error) -> Self {
        let way_out = to_grant(prefix, &error);
        let what = format!("{name} cannot be read from {prefix}");
        Self::refused(what, error, way_out)
    }

    /// The store refuses something.
    pub(crate) fn refused(what: String, error: etcd_client_core::Error, way_out: String) -> Self {
        Self(Arc::new(Inner::Refusal { what, error, way_out }))
    }

    /// The writes of an edit of `name` have failed, `done` of all its transactions before.
    pub(crate) fn write(
        name: &'static str,
        prefix: &Prefix,
        done: (usize, usize),
        failure: WriteFailure,
    ) -> Self {
        Self(Arc::new(Inner::Writing(Writing::new(name, prefix, done, failure))))
    }

    /// `cache` says why the cache file did not help, where there is one.
    pub(crate) fn startup_timeout(
        limit: Duration,
        last: Option<etcd_client_core::Error>,
        cache: Option<String>,
    ) -> Self {
        Self(Arc::new(Inner::Startup { what: "configuration", limit, last, cache }))
    }

    /// The store has not said within the limit what it was asked for, such as `list of instances`.
    pub(crate) fn silence(
        what: &'static str,
        limit: Duration,
        last: Option<etcd_client_core::Error>,
    ) -> Self {
        Self(Arc::new(Inner::Startup { what, limit, last, cache: None }))
    }

    pub(crate) fn fleet(lag: FleetLag) -> Self {
        Self(Arc::new(Inner::Fleet(lag)))
    }

    pub(crate) fn of_rollout(failure: RolloutFailure) -> Self {
        Self(Arc::new(Inner::Rollout(failure)))
    }

    pub(crate) fn wait_timeout(what: impl Into<String>, limit: Duration) -> Self {
        Self(Arc::new(Inner::Wait { what: what.into(), limit }))
    }

    pub(crate) fn stale(message: String) -> Self {
        Self(Arc::new(Inner::Stale(message)))
    }

    pub(crate) fn stopped(message: impl Into<String>) -> Self {
        Self(Arc::new(Inner::Stopped(message.into())))
    }

    /// In the child of a `fork` the watch of its parent goes on in the parent only.
    pub(crate) fn left_in_the_parent() -> Self {
        Self::stopped("the watch has stayed in the parent process: watch again in the child of a fork")
    }

    pub(crate) fn option(message: impl Into<String>) -> Self {
        Self(Arc::new(Inner::Unusable(message.into())))
    }

    pub(crate) fn document(message: impl Into<String>) -> Self {
        Self(Arc::new(Inner::Document(message.into())))
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self(Arc::new(Inner::Failed(message.into())))
    }

    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self(Arc::new(Inner::Io { what: what.into(), source }))
    }
}

/// What helps whoever may not read a prefix, beginning with a colon; empty where something else is wrong.
fn to_grant(prefix: &Prefix, error: &etcd_client_core::Error) -> String {
    match error.kind() {
        // Of several directories the store's error says which, and what to grant.
        etcd_client_core::Kind::PermissionDenied if prefix.directories().len() == 1 => {
            format!(": grant the user a role that may read all of {}", Printable::line(prefix.directory()))
        }
        _ => String::new(),
    }
}

impl From<etcd_client_core::Error> for Error {
    fn from(error: etcd_client_core::Error) -> Self {
        Self(Arc::new(Inner::Store(error)))
    }
}

impl From<Report> for Error {
    fn from(report: Report) -> Self {
        Self::from_report(report)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = Lines(&self.0);
        if f.alternate() { OneLine(format_args!("{lines:#}")).fmt(f) } else { lines.fmt(f) }
    }
}

/// An error in as many lines as it has.
struct Lines<'e>(&'e Inner);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Inner::Problems(report) => report.fmt(f),
            Inner::Store(error) => error.fmt(f),
            Inner::Refusal { what, error, way_out } => write!(f, "{what}: {error}{way_out}"),
            Inner::Writing(writing) => writing.fmt(f),
            Inner::Fleet(fleet) => fleet.fmt(f),
            Inner::Rollout(rollout) => rollout.fmt(f),
            // The store's error lists the endpoints, which is what a person needs here.
            Inner::Startup { what, limit, last, cache } => {
                write!(f, "no {what} within {limit:?}: ")?;
                match last {
                    Some(last) => last.fmt(f)?,
                    None => f.write_str("the store has not answered")?,
                }
                let hint = last.as_ref().and_then(not_running::hint);
                hint.into_iter().chain(cache.as_deref()).try_for_each(|line| write!(f, "\n  {line}"))
            }
            Inner::Wait { what, limit } => write!(f, "{what} did not come within {limit:?}"),
            Inner::Stopped(message)
            | Inner::Stale(message)
            | Inner::Unusable(message)
            | Inner::Document(message)
            | Inner::Failed(message) => f.write_str(message),
            Inner::Io { what, .. } => f.write_str(what),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some sources are there for programs only: what they say has been said.
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            let cause = match error.downcast_ref::<etcd_client_core::Error>() {
                // It has escaped what it shows of others' text, and has lines of its own.
                Some(error) => error.to_string(),
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
        match &*self.0 {
            Inner::Store(error) | Inner::Refusal { error, .. } => error.source(),
            Inner::Startup { last, .. } => last.as_ref().and_then(StdError::source),
            Inner::Writing(writing) => writing.store().and_then(StdError::source),
            Inner::Fleet(FleetLag { error, .. }) | Inner::Rollout(RolloutFailure { error, .. }) => {
                error.as_ref().and_then(StdError::source)
            }
            Inner::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
