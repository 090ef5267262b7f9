//! What every store of keys can do: list a prefix at one revision, and watch it from there.
//!
//! [`v3::Client`](crate::v3::Client), [`v2::Client`](crate::v2::Client) and
//! [`MemoryStore`](crate::MemoryStore) are stores. The [`Watcher`](crate::Watcher) knows this trait
//! and nothing of what is below it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::printable::{Key, Length};
use crate::{Error, FailingEndpoint, Kind, Printable};

/// An owned future, so that a state machine can keep a call under way in its state.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A source of keys with revisions.
///
/// Implementations answer from an authority: a listing is linearizable, never a stale replica's.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Everything below `prefix`, at one revision.
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>>;

    /// The changes below `prefix` with a revision greater than `after`, or, for `None`, all that come
    /// after the watch was confirmed ([`Opened::head`]).
    ///
    /// Resolves when the server has confirmed the watch; a server that says nothing is an error
    /// after the store's own time limit.
    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>>;

    /// Whether the prefix has this past in the history that the store has now, as an authority says
    /// it. An error where that cannot be told: [`Kind::Compacted`] where it is forgotten.
    ///
    /// A history that was rewound and has come as far as the old one again is not betrayed by any
    /// revision. A store that cannot read its past leaves this out.
    fn has_history(&self, prefix: &Prefix, past: HistoryMark) -> BoxFuture<Result<bool, Error>> {
        let _ = (prefix, past);
        let error = Error::new(Kind::InvalidRequest, "the store cannot read its past");
        Box::pin(std::future::ready(Err(error)))
    }

    /// Whether nothing has changed below `prefix` since what is `known` of it: the newest revision up
    /// to which that is so, as an authority says it, or `None` where something has. An error where that
    /// cannot be told: [`Kind::FutureRevision`] where the store has not come to that revision.
    ///
    /// It is asked where a watch cannot tell ([`Signal::Alive`]). A store whose watches always can
    /// leaves this out.
    fn unchanged(&self, prefix: &Prefix, known: Known) -> BoxFuture<Result<Option<u64>, Error>> {
        let _ = (prefix, known);
        let error = Error::new(Kind::InvalidRequest, "the store cannot say what has changed");
        Box::pin(std::future::ready(Err(error)))
    }

    /// Whether the store leaves keys out of its answers that no [`Prefix::naming`] names: those with a name
    /// that begins with `_`, over etcd's v2 API.
    fn hides_keys(&self) -> bool {
        false
    }

    /// What each server has done until now instead of answering, as the error of a call whose caller
    /// does not wait any longer; `None` where the store knows of no servers.
    fn outage(&self) -> Option<Error> {
        None
    }

    /// Asks those servers that nobody has asked lately, for no other reason than to know whether they would
    /// serve, so that one that does not is in [`failing_endpoints`](Self::failing_endpoints) and in the log
    /// before it is needed. A server of another cluster than `cluster`, where that is not 0, fails, too.
    ///
    /// It is called every minute while others are watched. A store that knows of no servers leaves it out.
    fn look_round(&self, cluster: u64) -> BoxFuture<()> {
        let _ = cluster;
        Box::pin(std::future::ready(()))
    }

    /// The servers that failed when they were asked last.
    fn failing_endpoints(&self) -> Vec<FailingEndpoint> {
        Vec::new()
    }

    /// The first names in a directory, at most `limit`, in ascending order: of keys, and of directories with
    /// a slash at their end. Some may be missing, and they are of no revision: a hint for a person who does
    /// not find keys where they should be.
    ///
    /// A store that is never asked by people leaves this out.
    fn names(&self, directory: &Prefix, limit: usize) -> BoxFuture<Result<Vec<String>, Error>> {
        let _ = (directory, limit);
        let error = Error::new(Kind::InvalidRequest, "the store does not say what lies in a directory");
        Box::pin(std::future::ready(Err(error)))
    }

    /// The other API under which the same servers hold keys below the prefix, such as `v2`, where that is
    /// found out at once: a hint, too.
    fn other_api(&self, prefix: &Prefix) -> BoxFuture<Option<&'static str>> {
        let _ = prefix;
        Box::pin(std::future::ready(None))
    }

    /// A store over the same servers, with connections of its own.
    ///
    /// Connections belong to the runtime that opened them, so whoever runs on another runtime
    /// asks for a twin.
    fn with_own_connections(&self) -> Arc<dyn Store>;

    /// Equal for two handles of one store, different for any two stores that are alive.
    fn identity(&self) -> usize;
}

/// How much is known of a prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Everything up to this revision.
    pub revision: u64,
    /// In this cluster, 0 where unknown.
    pub cluster: u64,
    /// How many keys there were.
    pub count: usize,
}

/// By what the state of a prefix at an earlier revision is recognized.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryMark {
    /// The revision.
    pub revision: u64,
    /// How many keys there were.
    pub count: usize,
    /// Those of them that were written last, all at one revision, in ascending order.
    pub newest: Vec<Entry>,
}

impl HistoryMark {
    /// Of all the keys of a prefix, in ascending order.
    pub(crate) fn of<'e>(revision: u64, entries: impl Iterator<Item = &'e Entry>) -> Self {
        let (mut count, mut newest) = (0, Vec::<&Entry>::new());
        for entry in entries {
            count += 1;
            if newest.first().is_some_and(|other| other.revision < entry.revision) {
                newest.clear();
            }
            if newest.first().is_none_or(|other| other.revision == entry.revision) {
                newest.push(entry);
            }
        }
        Self { revision, count, newest: newest.into_iter().cloned().collect() }
    }
}

/// A watch that the server has confirmed.
#[derive(Debug)]
pub struct Opened {
    /// Where the changes arrive.
    pub watch: Box<dyn Watch>,
    /// The newest revision of the whole store when the watch was confirmed, 0 where unknown.
    pub head: u64,
    /// The cluster that confirmed it, 0 where unknown.
    pub cluster: u64,
}

/// One stream of changes. An error, or the end of the stream as an error, is its last answer.
pub trait Watch: fmt::Debug + Send {
    /// The next signal.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>>;

    /// Asks the server for a [`Signal::Progress`], or any other sign of life on this stream.
    fn request_progress(&mut self);

    /// Whether another watch may begin after the last [`Signal::Progress`]: not where that rested on
    /// the silence of this stream.
    fn is_resumable(&self) -> bool {
        true
    }

    /// The server that this stream comes from, as a person would name it.
    fn endpoint(&self) -> &str;

    /// Gives the stream up because its server is silent: the store's next call goes to another
    /// endpoint, on a new connection.
    fn abandon(self: Box<Self>);
}

/// What arrives on a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// All changes of one revision.
    Batch(Batch),
    /// The stream is alive, and every change up to this revision has been delivered.
    Progress(u64),
    /// The stream is alive, and that is all: whatever the server says of how far it is, changes up to
    /// there may still be on their way.
    Alive,
    /// The stream is alive: a part of the next change has arrived, and the rest is on its way.
    Arriving,
    /// Something has changed that the stream cannot deliver in its order: the prefix is to be listed, and
    /// another watch begins after that.
    Stale,
}

/// The state of a prefix at one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The revision of the whole store at which the prefix looked so.
    pub revision: u64,
    /// The cluster that answered, 0 where unknown.
    pub cluster: u64,
    /// The keys, in ascending order.
    pub entries: Vec<Entry>,
}

/// A key and what it holds. `Debug` does not show the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The whole key, prefix included.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
    /// The revision of the last write to this key (`mod_revision`; v2: `modifiedIndex`).
    pub revision: u64,
}

/// Everything that one revision changed below a prefix: applied whole, or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The revision.
    pub revision: u64,
    /// The changes; no key twice.
    pub changes: Vec<Change>,
}

/// One key's change. `Debug` does not show the value.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// The key was written.
    Put(Entry),
    /// The key was deleted, or expired.
    Delete(Bytes),
    /// Every key that begins with these bytes was deleted (v2's one event for a directory).
    /// A [`Watcher`](crate::Watcher) replaces it by the deletion of each key that it held.
    DeleteBelow(Bytes),
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &Key(&self.key))
            .field("value", &Length::of(&self.value))
            .field("revision", &self.revision)
            .finish()
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put(entry) => f.debug_tuple("Put").field(entry).finish(),
            Self::Delete(key) => f.debug_tuple("Delete").field(&Key(key)).finish(),
            Self::DeleteBelow(start) => f.debug_tuple("DeleteBelow").field(&Key(start)).finish(),
        }
    }
}

/// A directory of keys: everything below `/payments` is everything that begins with `/payments/`.
///
/// It means the same over every store. Over v2, where each key begins with one slash and has no empty names,
/// `payments` and `//payments` are the directory `/payments`, and its keys are spelled as the prefix is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Prefix {
    directory: Arc<str>,
    named: Arc<[String]>,
}

impl Prefix {
    /// The directory at `path`; slashes at its end do not count. `""` is the whole store.
    pub fn new(path: &str) -> Self {
        let trimmed = path.trim_end_matches('/');
        let directory =
            if trimmed.is_empty() && path.is_empty() { String::new() } else { format!("{trimmed}/") };
        Self { directory: directory.into(), named: Arc::default() }
    }

    /// The same directory, with the paths below it of keys, or of directories of keys, that a store which
    /// [hides keys](Store::hides_keys) is to answer with, too. Other stores take no notice.
    ///
    /// ```
    /// use etcd_client_core::Prefix;
    ///
    /// let prefix = Prefix::new("/payments").naming(["_token", "_limits/daily"]);
    /// assert_eq!(prefix.named(), ["_token", "_limits/daily"]);
    /// ```
    #[must_use]
    pub fn naming(self, paths: impl IntoIterator<Item: Into<String>>) -> Self {
        Self { named: paths.into_iter().map(Into::into).collect(), ..self }
    }

    /// The paths that were [named](Self::naming).
    pub fn named(&self) -> &[String] {
        &self.named
    }

    /// The directory with the slash at its end, which all its keys begin with.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// The directory without that slash; `/` for the whole store. As it was given: `Display` shows it as text
    /// from outside is [shown](crate::Printable).
    pub fn path(&self) -> &str {
        match self.directory.strip_suffix('/') {
            Some("") | None => "/",
            Some(path) => path,
        }
    }

    /// The part of `key` after the directory, or `None` where the key is not in it.
    pub fn relative<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        key.strip_prefix(self.directory.as_bytes())
    }

    /// The first name of `key` in the directory, with a slash at its end where that is a directory, too.
    pub(crate) fn name_of<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        let relative = self.relative(key)?;
        let end = relative.iter().position(|byte| *byte == b'/').map_or(relative.len(), |slash| slash + 1);
        Some(&relative[..end])
    }

    /// The whole key of something in this directory.
    pub fn join(&self, relative: &str) -> String {
        format!("{}{relative}", self.directory)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable::line(self.path()).fmt(f)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({:?})", self.directory)
    }
}
