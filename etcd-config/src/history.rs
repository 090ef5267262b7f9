//! What was changed below a prefix, as far as the store remembers it.

pub(crate) mod collector;
pub(crate) mod range;
pub(crate) mod step;

use std::fmt;
use std::marker::PhantomData;

use etcd_client_core::{Prefix, Printable};

use self::step::{HistoryChange, HistoryStep};
use crate::decode::Derived;
use crate::edit::field_path::FieldPath;
use crate::edit::places_of;
use crate::tree::directories::directories;

/// The changes below the prefix of a `T`, newest first, from [`EtcdConfig::history`](crate::EtcdConfig::history): each
/// [`HistoryStep`] is what one revision has changed, and whether this program could be started from it.
///
/// It is etcd's own past, which is there until etcd compacts it; [`complete_from`](Self::complete_from) says from which
/// revision on it is whole, and [`cut`](Self::cut) why it does not begin where it was asked to. Who has written, and when,
/// etcd does not know.
///
/// Up to [`Options::history_limit`](crate::Options::history_limit) steps are held, the newest ones, with up to 64 MiB of
/// keys and values; ask for what is older with an earlier end, as in `..complete_from`. Texts of secrets are not shown, nor
/// are those of keys that no field reads, as they may be secrets of another version.
///
/// `Display` is all steps, and what is missing. With the feature `serde` it is `Serialize`.
///
/// ```
/// use etcd_config::{EtcdConfig, MemoryStore, field};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     #[etcd(default = 10)]
///     workers: u32,
///     #[etcd(secret)]
///     token: Option<String>,
/// }
///
/// let store = MemoryStore::from([("/payments/workers", "20"), ("/payments/token", "hunter2")]);
/// store.put("/payments/workers", "many");
///
/// let history = Settings::history(&store, ..)?;
/// let shown = "
/// revision 4, refused by this program
///   workers  /payments/workers  20 -> many
///   problem: /payments/workers workers: u32: \"many\" is not a whole number from 0 to 4294967295 (set at revision 4)
/// revision 3
///   token  /payments/token  set (secret)
/// revision 2
///   workers  /payments/workers  10 (default) -> 20";
/// assert_eq!(history.to_string(), shown.trim_start());
///
/// // One field, and some revisions.
/// for step in Settings::history(&store, 3..)?.for_field(field!(Settings.workers)) {
///     assert_eq!((step.revision(), step.is_valid()), (4, false));
/// }
/// # Ok::<(), etcd_config::Error>(())
/// ```
pub struct History<T> {
    pub(super) prefix: Prefix,
    pub(super) steps: Vec<HistoryStep>,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) cut: Option<HistoryCut>,
    pub(super) config: PhantomData<fn() -> T>,
}

/// Why a [`History`] does not begin where it was asked to, from [`History::cut`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HistoryCut {
    /// The store has compacted what was before.
    Compacted,
    /// There are more steps than were to be held, or reading them takes longer than 30 s.
    Limit,
}

impl<T> History<T> {
    /// The steps, newest first.
    pub fn steps(&self) -> &[HistoryStep] {
        &self.steps
    }

    /// The same, as references.
    pub fn iter(&self) -> std::slice::Iter<'_, HistoryStep> {
        self.steps.iter()
    }

    /// Every change from this revision on is there.
    pub fn complete_from(&self) -> u64 {
        self.from
    }

    /// The last revision that was looked at: of the range, or the newest of the store.
    pub fn last_revision(&self) -> u64 {
        self.to
    }

    /// Why changes from before [`complete_from`](Self::complete_from), which were asked for, are not there. `None` if
    /// everything is.
    pub fn cut(&self) -> Option<HistoryCut> {
        self.cut
    }

    /// The steps that change this field, or anything in it, with what else they change.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "as `Edit::unset` takes it, from `field!`")]
    pub fn for_field<V>(self, field: FieldPath<T, V>) -> Self
    where
        T: Derived,
    {
        let Some(places) = places_of(&self.prefix, &field) else {
            return self.for_path(&field.below_prefix());
        };
        let in_layers = |place: &String| -> Vec<String> {
            directories(&self.prefix).map(|directory| format!("{directory}{place}")).collect()
        };
        let places: Vec<String> = places.iter().flat_map(in_layers).collect();
        self.whose(|change| places.iter().any(|place| is_in(change.key(), place, '/')))
    }

    /// The same by the path of the field as a text, such as `database.pool_size`, or by a whole key, or the directory that
    /// it is in, such as `/payments/database`.
    #[must_use]
    pub fn for_path(self, path_or_key: &str) -> Self {
        self.whose(|change| is_of(change, path_or_key))
    }

    /// The changes of that field, or of anything in it, and nothing else.
    #[cfg(feature = "cli")]
    pub(crate) fn only_path(self, path_or_key: &str) -> Self {
        let mut history = self.for_path(path_or_key);
        for step in &mut history.steps {
            step.changes.retain(|change| is_of(change, path_or_key));
        }
        history
    }

    fn whose(mut self, is_meant: impl Fn(&HistoryChange) -> bool) -> Self {
        self.steps.retain(|step| step.changes().iter().any(&is_meant));
        self.marked()
    }

    /// The oldest step says what is missing before it: nobody takes a part for the whole.
    pub(super) fn marked(mut self) -> Self {
        let remark = self.missing();
        for step in &mut self.steps {
            step.before = None;
        }
        if let Some(oldest) = self.steps.last_mut() {
            oldest.before = remark;
        }
        self
    }

    fn missing(&self) -> Option<String> {
        let from = self.from;
        Some(match self.cut? {
            HistoryCut::Compacted => format!("what was before revision {from} is compacted"),
            HistoryCut::Limit => format!(
                "what was before revision {from} is not read, as there is too much: ask for ..={}",
                from.saturating_sub(1)
            ),
        })
    }
}

/// Whether it is a change of this field, or of anything in it: by its path as a text, or by a whole key.
fn is_of(change: &HistoryChange, path_or_key: &str) -> bool {
    if path_or_key.starts_with('/') {
        is_in(change.key(), path_or_key, '/')
    } else {
        is_in(change.field(), path_or_key, '.')
    }
}

/// Whether something is a place, or below it.
fn is_in(name: &str, place: &str, separator: char) -> bool {
    let rest = name.strip_prefix(place.trim_end_matches(separator));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
}

impl<T> IntoIterator for History<T> {
    type Item = HistoryStep;
    type IntoIter = std::vec::IntoIter<HistoryStep>;

    fn into_iter(self) -> Self::IntoIter {
        self.steps.into_iter()
    }
}

impl<'h, T> IntoIterator for &'h History<T> {
    type Item = &'h HistoryStep;
    type IntoIter = std::slice::Iter<'h, HistoryStep>;

    fn into_iter(self) -> Self::IntoIter {
        self.steps.iter()
    }
}

impl<T> fmt::Display for History<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            let Self { from, to, .. } = self;
            write!(f, "no change from revision {from} to {to}")?;
            let missing = self.missing().unwrap_or_default();
            return if missing.is_empty() { Ok(()) } else { write!(f, "; {}", Printable::line(&missing)) };
        }
        for (number, step) in self.steps.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { "\n" })?;
            step.fmt(f)?;
        }
        Ok(())
    }
}

/// Shows no secret.
impl<T> fmt::Debug for History<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, from, to, cut, .. } = self;
        f.debug_struct("History")
            .field("steps", steps)
            .field("complete_from", from)
            .field("to", to)
            .field("cut", cut)
            .finish()
    }
}

impl<T> Clone for History<T> {
    fn clone(&self) -> Self {
        let Self { prefix, steps, from, to, cut, config } = self;
        Self {
            prefix: prefix.clone(),
            steps: steps.clone(),
            from: *from,
            to: *to,
            cut: *cut,
            config: *config,
        }
    }
}
