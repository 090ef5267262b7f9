//! How fresh a configuration is, where it came from, and what is wrong with it, if anything.

pub(crate) mod cell;
pub(crate) mod in_fleet;
pub(crate) mod meters;
pub(crate) mod outstanding;
pub(crate) mod resource_status;

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use etcd_client_core::{Error, FailingEndpoint, OneLine, Printable};

use self::resource_status::ResourceStatus;
use crate::problem::Problem;
use crate::rejection::Rejection;

/// The most endpoints that are printed.
const PRINTED: usize = 10;

/// How a [`Live`](crate::Live) stands, from [`Live::status`](crate::Live::status).
///
/// `Display` is for the person on call, in lines; with the feature `serde` it is `Serialize`, for a page or a log. For
/// a probe see [`docs::probes`](crate::docs::probes): neither an outage nor a refused value is a reason to restart.
///
/// Two questions are apart: whether changes are received ([`state`](Self::state), [`age`](Self::age)), and whether
/// the newest values are in force ([`refused_since`](Self::refused_since)). [`is_current`](Self::is_current) is both.
///
/// ```
/// # use etcd_config::{EtcdConfig, MemoryStore};
/// # #[derive(EtcdConfig)]
/// # #[etcd(prefix = "/payments")]
/// # struct Settings { #[etcd(default = 10)] workers: u32 }
/// # let settings = Settings::watch(MemoryStore::new())?;
/// let status = settings.status();
/// println!("{status}");
/// if let Some(refusal) = status.refusal() {
///     eprintln!("correct these keys: {refusal}");
/// }
/// if let Some(error) = status.state.error() {
///     eprintln!("no changes for {:?}: {error}", status.age);
/// }
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The name of the configuration's type, such as `Settings`.
    pub name: &'static str,
    /// The directory in the store that it is read from, with its placeholders filled, as it is:
    /// [`Printable`] shows it.
    pub prefix: String,
    /// The prefixes of the [layers](crate::Options::layer) above that, the lowest one first.
    pub layers: Vec<String>,
    /// Where it stands with the store. Whether the values are accepted is another question, which
    /// [`refused_since`](Self::refused_since) answers.
    pub state: State,
    /// Since when it has been watching, or for all other states since when it has not been watching.
    pub since: SystemTime,
    /// The revision of the store that everything is known up to: at least `snapshot_revision`, but after
    /// a [rewind](Self::last_rewind) that changed no value, or to values that are refused.
    pub revision: u64,
    /// The revision that the snapshot was read at. Lower than `revision` when no value of a field has
    /// changed since, so that it is the state at `revision`, too; or when an update was refused.
    pub snapshot_revision: u64,
    /// Where the snapshot came from.
    pub source: Source,
    /// When the snapshot was last known to be what the store holds. It stands still while the newest
    /// values are refused, and is the time of writing while the snapshot is from the cache file.
    pub proven_current_at: SystemTime,
    /// When the store last confirmed what it holds, up to `revision`: by a change, by a sign of life,
    /// by an audit; whether the values were accepted or [refused](Self::refused_since). Before its
    /// first answer it is the time at which the cache file was written.
    pub confirmed_at: SystemTime,
    /// How long ago [that](Self::confirmed_at) was, by a monotonic clock. [`Duration::MAX`] for a
    /// cache file from the future: one of the clocks was wrong.
    pub age: Duration,
    /// Since when the newest values are refused, so that older ones are in force; `None` if they are not.
    /// It is independent of the connection: both can be bad at once. [`refusal`](Self::refusal) says why.
    pub refused_since: Option<SystemTime>,
    /// The server that changes come from, such as `http://10.0.0.1:2379`, when there is one.
    pub endpoint: Option<String>,
    /// The servers that failed when they were asked last, while others may serve. Idle ones are asked once a
    /// minute, too.
    pub failing_endpoints: Vec<FailingEndpoint>,
    /// The last update that was refused, even if a later one was accepted. Only while it counts:
    /// [`refusal`](Self::refusal).
    pub last_rejection: Option<Rejection>,
    /// The last time that the store's history was found to be a different one from before.
    pub last_rewind: Option<Rewind>,
    /// What is odd but no error: a prefix with nothing below it that is read, unknown keys, outdated names,
    /// strings that end with a line break or have quotation marks around them; or that the [instance](Self::instance)
    /// cannot be listed in the fleet. To hear of new ones use
    /// [`Live::on_warning`](crate::Live::on_warning).
    pub warnings: Vec<Problem>,
    /// Changes of `restart` fields: what a restart of the process would bring into force, or
    /// [would not start with](crate::ProblemKind::RestartRefused). Only what is wrong with the field itself is
    /// found out, not what a check of the struct around it says.
    pub pending: Vec<Problem>,
    /// What is [made](crate::Live::resource) of the settings, in the order in which it was asked for; nothing once the
    /// watch has ended.
    pub resources: Vec<ResourceStatus>,
    /// The cache file, where [there is to be one](crate::Options::cache_file).
    pub cache_file: Option<CacheFile>,
    /// The name under which the fleet sees this process, while it does: the one of
    /// [`Options::instance`](crate::Options::instance), or another one where that is taken.
    pub instance: Option<String>,
    /// The words of the last panic among [`Counters::watch_panics`], without secrets.
    pub last_panic: Option<String>,
    /// What has happened so far.
    pub counters: Counters,
}

/// How the file of [`Options::cache_file`](crate::Options::cache_file) stands, in [`Status::cache_file`]. It is well when
/// there is no [`problem`](Self::problem).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheFile {
    /// Where it is.
    pub path: PathBuf,
    /// When it was written, where that is known: by this process, or before and read by it.
    pub saved_at: Option<SystemTime>,
    /// The revision that it holds, where that is known.
    pub revision: Option<u64>,
    /// Why it could not be written the last time, which is tried again every minute; or why a start could not be
    /// made from it: a required field is secret, and [secrets are not kept](crate::Options::cache_secrets).
    pub problem: Option<String>,
}

/// Where a [`Live`](crate::Live) stands with its store: what an operator can act on. For the question whether
/// all is well use [`Status::is_current`].
///
/// In all states reading goes on with the last values. A failure ends by itself when its cause does: there is nothing to
/// call. Only [`Stopped`](Self::Stopped) is for good.
///
/// ```
/// use etcd_config::State;
///
/// fn advice(state: &State) -> &'static str {
///     match state {
///         State::AuthFailed(_) => "correct the password",
///         State::PermissionDenied(_) => "grant the user a role",
///         State::Disconnected(_) | State::NoQuorum(_) => "look at etcd",
///         State::Stopped => "nobody follows the store",
///         _ => "wait",
///     }
/// }
/// # assert_eq!(advice(&State::Listing), "wait");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum State {
    /// The whole prefix is read, or has just been read and the watch is not open yet: so it is directly after
    /// [`watch`](crate::EtcdConfig::watch) for a moment.
    Listing,
    /// Every change is received. Whether it is accepted is another question: see [`Status::refused_since`].
    Watching,
    /// The connection was lost, and is being taken up where it ended.
    Resuming,
    /// No server answers. The last values stay in force.
    Disconnected(Error),
    /// The cluster has no leader. The last values stay in force.
    NoQuorum(Error),
    /// The credentials are not accepted: correct them. The last values stay in force.
    AuthFailed(Error),
    /// The user may not read the prefix: grant it. The last values stay in force.
    PermissionDenied(Error),
    /// Nothing follows the store any more: the configuration was [closed](crate::Live::close), the runtime
    /// that did so was shut down, or this is the child of a `fork` and the watch is its parent's.
    Stopped,
}

/// The store's history was found not to be the one that was followed: a backup was restored, the data
/// were wiped, or another cluster answers under the same name. The configuration is what the store
/// holds now; keys that it does not hold any more were reported as deleted.
///
/// In [`Status::last_rewind`], and a reason for [`Live::on_status`](crate::Live::on_status). Nothing has to be done for
/// the configuration; whoever remembers revisions must forget them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rewind {
    /// The revision that had been seen before.
    pub seen: u64,
    /// The revision that the store was at.
    pub now: u64,
    /// Whether it is another cluster.
    pub cluster_changed: bool,
    /// When it was found.
    pub at: SystemTime,
}

/// Where a snapshot came from, in [`Status::source`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// From the store.
    Etcd,
    /// From the cache file: the store has not answered yet, or what it holds is refused.
    Cache,
}

/// What has happened since the configuration was first read, in [`Status::counters`]. The feature `metrics` exports
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Snapshots that were published, the first included.
    pub snapshots: u64,
    /// Updates that were refused.
    pub rejections: u64,
    /// Builds of [resources](crate::Live::resource) and calls of [`prepare`](crate::Live::prepare) that were begun for
    /// updates.
    pub builds: u64,
    /// Those of them that failed, panicked, or passed their limit; also what was not begun because others have not
    /// returned.
    pub build_failures: u64,
    /// Calls of callbacks that panicked. The callback stays subscribed.
    pub callback_panics: u64,
    /// Panics while the store was followed: of a subscriber of `tracing`, of a recorder of metrics, of
    /// this library. The watch went on, or began again with a listing.
    pub watch_panics: u64,
    /// Streams that were lost, whether or not another has been opened since.
    pub losses: u64,
    /// Reads of the whole prefix: the first, and those after a loss after which neither a replay nor what was written
    /// meanwhile would do. Audits are not counted here.
    pub lists: u64,
    /// Comparisons of what is held with the store.
    pub audits: u64,
    /// Comparisons that found a difference, and repaired it. Should be 0: a server or a proxy has not sent a change, or was
    /// later with it than a [progress interval](crate::Options::progress_interval). The log says which.
    pub repairs: u64,
    /// Histories that were found rewound: a backup was restored, or the store was replaced.
    pub rewinds: u64,
}

impl Status {
    /// Whether all is well: every change is received, and the newest values are in force, or will be after the
    /// [debounce](crate::Options::debounce) interval or with the commit key.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let store = MemoryStore::new();
    /// let settings = Settings::watch(&store)?;
    /// let refused = store.put("/payments/workers", "many");
    /// assert!(settings.wait_for_revision(refused, Duration::from_secs(5)).is_err());
    /// let status = settings.status();
    /// assert!(status.state.is_watching() && !status.is_current());
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn is_current(&self) -> bool {
        self.state.is_watching() && self.refused_since.is_none()
    }

    /// Why the newest values are not in force, while they are [refused](Self::refused_since).
    pub fn refusal(&self) -> Option<&Rejection> {
        self.refused_since.and(self.last_rejection.as_ref())
    }
}

impl State {
    /// Why changes are not being received, where there is an error to it.
    pub fn error(&self) -> Option<&Error> {
        match self {
            State::Disconnected(error)
            | State::NoQuorum(error)
            | State::AuthFailed(error)
            | State::PermissionDenied(error) => Some(error),
            _ => None,
        }
    }

    /// Whether every change is received; see [`Status::is_current`] for whether it is in force as well.
    pub fn is_watching(&self) -> bool {
        matches!(self, State::Watching)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Listing => "listing",
            State::Watching => "watching",
            State::Resuming => "resuming",
            State::Disconnected(_) => "disconnected",
            State::NoQuorum(_) => "no quorum",
            State::AuthFailed(_) => "authentication failed",
            State::PermissionDenied(_) => "permission denied",
            State::Stopped => "stopped",
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Etcd => "etcd",
            Source::Cache => "the cache file",
        })
    }
}

/// ```text
/// the store's history went back to revision 48100 from 48190, 2.1s ago
/// ```
impl fmt::Display for Rewind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seen, now, cluster_changed, at } = self;
        let ago = HumanDuration(at.elapsed().unwrap_or_default());
        if *cluster_changed {
            write!(f, "another cluster answers for {ago}, at revision {now} where {seen} was seen")
        } else if now < seen {
            write!(f, "the store's history went back to revision {now} from {seen}, {ago} ago")
        } else {
            write!(f, "the store's history up to revision {seen} was found replaced {ago} ago, at {now}")
        }
    }
}

/// ```text
/// Settings from /payments: watching for 3h 12m, at http://127.0.0.1:2379
///   snapshot at revision 48121, from etcd; proven current 2.1s ago, up to revision 48190
/// ```
/// While the newest values are refused, the first line says so as well, whatever the state is:
/// `disconnected for 2m 5s, newest values rejected`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, prefix, state, revision, snapshot_revision, source, .. } = self;
        write!(f, "{name} from {}: {state}", Printable::line(prefix))?;
        write!(f, " for {}", HumanDuration(self.since.elapsed().unwrap_or_default()))?;
        f.write_str(self.and_rejected())?;
        if let Some(endpoint) = &self.endpoint {
            write!(f, ", at {}", Printable::line(endpoint))?;
        }
        if let Some(error) = state.error() {
            write!(f, "\n  {}", error.to_string().replace('\n', "\n  "))?;
        }
        write!(f, "\n  snapshot at revision {snapshot_revision}, from {source}; ")?;
        match self.refused_since {
            None => write!(f, "proven current {}, up to revision {revision}", Ago(self.age))?,
            Some(since) => {
                let since = HumanDuration(since.elapsed().unwrap_or_default());
                write!(f, "refused for {since}; confirmed {}, up to revision {revision}", Ago(self.age))?;
            }
        }
        if let Some(instance) = &self.instance {
            write!(f, "\n  in the fleet as {}", Printable::line(instance))?;
        }
        if let Some(refusal) = self.refusal() {
            write!(f, "\n  {}", refusal.to_string().replace('\n', "\n  "))?;
        }
        self.write_failing_endpoints(f)?;
        if let Some(rewind) = &self.last_rewind {
            write!(f, "\n  warning: {rewind}")?;
        }
        if let Some(panic) = &self.last_panic {
            write!(f, "\n  warning: following the store panicked and went on: {panic}")?;
        }
        if let Some(CacheFile { path, problem: Some(problem), .. }) = &self.cache_file {
            write!(f, "\n  warning: the cache file {}: {problem}", path.display())?;
        }
        for warning in &self.warnings {
            write!(f, "\n  warning: {warning}")?;
        }
        for pending in &self.pending {
            write!(f, "\n  pending: {pending}")?;
        }
        for resource in &self.resources {
            write!(f, "\n  {resource}")?;
        }
        Ok(())
    }
}

impl Status {
    /// What stands beside the state while values are refused.
    pub(crate) fn and_rejected(&self) -> &'static str {
        if self.refused_since.is_some() { ", newest values rejected" } else { "" }
    }

    /// When no server answers, the error of the state names each of them.
    fn write_failing_endpoints(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.state.error().is_some() {
            return Ok(());
        }
        for FailingEndpoint { endpoint, error, since, .. } in self.failing_endpoints.iter().take(PRINTED) {
            let since = HumanDuration(since.elapsed().unwrap_or_default());
            write!(
                f,
                "\n  warning: {} has failed for {since}: {}",
                Printable::line(endpoint),
                OneLine(error)
            )?;
        }
        match self.failing_endpoints.len().saturating_sub(PRINTED) {
            0 => Ok(()),
            more => write!(f, "\n  warning: {more} more endpoints fail"),
        }
    }
}

/// How long ago something was.
pub(crate) struct Ago(pub(crate) Duration);

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Duration::MAX => f.write_str("at an unknown time"),
            age => write!(f, "{} ago", HumanDuration(age)),
        }
    }
}

/// A duration, as precise as a person wants it.
pub(crate) struct HumanDuration(pub(crate) Duration);

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..60 => write!(f, "{:.1}s", self.0.as_secs_f64()),
            60..3_600 => write!(f, "{}m {}s", seconds / 60, seconds % 60),
            3_600..86_400 => write!(f, "{}h {}m", seconds / 3_600, seconds % 3_600 / 60),
            _ => write!(f, "{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
        }
    }
}
