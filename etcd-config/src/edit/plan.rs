//! An edit that has been checked, and is not written yet.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use etcd_client_core::{Batch, Change, Entry, Prefix, Printable, Write};

use super::checked::{checked, checked_in_layers};
use super::commit::{Unwritten, Written, Wrote};
use super::described::Describer;
use super::layer_edit::LayerEdit;
use super::overridden::mark_overridden;
use super::planned::{PlannedChange, write_table};
use super::{Edit, commit};
use crate::decode::Derived;
use crate::error::Error;
use crate::lint::refused::set_at;
use crate::lint::warnings::warnings;
use crate::problem::{Kind, Problem, Report};
use crate::reading::{Reading, in_background};
use crate::runtime::caller::runtime;
use crate::tree::{KeyTree, Raw, Touched};

/// What an [`Edit`] would write, from [`Edit::plan`]: decoded and checked, and not sent yet.
///
/// `Display` is a table for a person: of each key the field, the key, the old text and the new one, and whether running
/// processes take it over at once or after a restart. It shows no secret.
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
///     token: String,
/// }
///
/// let store = MemoryStore::from([("/payments/token", "hunter2")]);
/// let edit = Settings::edit(&store)?.set(field!(Settings.workers), &20)?.set_text("token", "hunter3");
/// let plan = edit.plan()?;
/// let table = "
/// 2 changes in Settings below /payments, based on revision 2
///   token    /payments/token    ••• -> •••          at once
///   workers  /payments/workers  10 (default) -> 20  at once";
/// assert_eq!(plan.to_string(), table.trim_start());
/// assert_eq!(plan.changes()[1].new(), Some("20"));
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[must_use = "nothing is written before `commit`"]
pub struct Plan<T> {
    pub(super) reading: Reading,
    name: &'static str,
    changes: Vec<PlannedChange>,
    warnings: Vec<Problem>,
    /// In the order in which they are made, where that takes several transactions.
    pub(super) writes: Vec<Write>,
    config: PhantomData<fn() -> T>,
}

impl<T: Derived> Plan<T> {
    pub(super) fn of(edit: Edit<T>) -> Result<Self, Error> {
        let Edit { reading, whole, here, others, mistakes } = edit;
        if !mistakes.is_empty() {
            return Err(Error::option(mistakes.join("\n")));
        }
        let revision = reading.listing.revision;
        let mut layers: Vec<LayerEdit<T>> = others.into_iter().chain([here]).collect();
        layers.sort_by_key(|layer| layer.number);
        for layer in &mut layers {
            layer.changes = what_differs(std::mem::take(&mut layer.changes), &layer.tree);
        }
        add_commit_key(&mut layers, revision);
        let mut planned: Vec<PlannedChange> =
            layers.iter().flat_map(|layer| planned(layer, reading.prefix())).collect();
        planned.sort_by(|one, other| one.key.cmp(&other.key));
        let writes = writes(&layers);
        refuse_too_many::<T>(writes.len(), reading.writes_at_once(), &reading)?;
        // Later than all that is stored: of what was written last, it is this edit.
        let batch = batch(&layers, revision.saturating_add(1));
        layers.iter_mut().for_each(|layer| drop(layer.tree.apply(&batch)));
        let checked = match whole {
            None => layers.iter().try_for_each(|layer| checked(&layer.tree, layer)),
            Some(mut whole) => {
                whole.apply(&batch);
                layers.iter().for_each(|layer| mark_overridden(&mut planned, layer, &whole));
                checked_in_layers(&whole, &layers, &planned, &reading, &batch)
            }
        };
        if let Err(mut problems) = checked {
            problems.iter_mut().for_each(|problem| say_this_edit(problem, batch.revision));
            problems.iter_mut().for_each(|problem| layers.iter().for_each(|layer| say_where(problem, layer)));
            return Err(refused::<T>(problems, &planned, &reading));
        }
        let keys: Vec<String> = planned.iter().map(|change| change.key.clone()).collect();
        let warnings = layers.iter().flat_map(|layer| {
            let LayerEdit { schema, tree, .. } = layer;
            warnings(schema, tree, Some(&Touched::of(tree.prefix(), &keys)))
        });
        let (name, warnings) = (T::LAYOUT.name, warnings.collect());
        Ok(Self { reading, name, changes: planned, warnings, writes, config: PhantomData })
    }

    /// Writes: all keys in one transaction, and only if nothing below the prefix has changed since it was read. So what
    /// was checked is what is in force afterwards. Blocks. Without changes nothing is sent.
    ///
    /// Where that takes more than one transaction, which only a struct with a `commit_key` allows, the keys go first,
    /// each transaction on the condition that nothing but the one before it has changed anything, and the commit key
    /// last. Over etcd's v2 API each key is a transaction. A process that starts in between reads what is written so far,
    /// which has not been checked.
    ///
    /// # Errors
    /// - [`Error::is_conflict`]: somebody else has changed something; [`Error::conflicts`] are these keys. Read again and
    ///   decide again, or use [`EtcdConfig::update`](crate::EtcdConfig::update).
    /// - [`Error::maybe_applied`]: the answer was lost, and reading has not shown whether the change is written. It is
    ///   never sent twice.
    /// - [`Error::written`]: it is written, but something else was changed at the same time, in a place that the store
    ///   cannot make a condition of, and together they are refused, or could not be read.
    /// - [`Error::is_access`]: the user may not write these keys.
    /// - Any other error of the [`store`](Error::store); nothing is written.
    pub fn commit(self) -> Result<Written, Error> {
        if self.is_empty() {
            return Ok(Written::nothing(self.revision()));
        }
        let Self { reading, writes, .. } = self;
        let of = reading.clone();
        let wrote = in_background(async move {
            match commit::write::<T>(&reading, writes).await {
                Ok(wrote) => Ok(wrote),
                Err(unwritten) => Err(unwritten.explained::<T>(&reading).await),
            }
        });
        wrote?.0?.proven::<T>(&of)
    }

    /// The same for callers in a tokio runtime. Not cancel safe: a future that is dropped may have written.
    ///
    /// # Errors
    /// As [`commit`](Self::commit), and that there is no runtime.
    pub async fn commit_async(self) -> Result<Written, Error> {
        runtime()?;
        if self.is_empty() {
            return Ok(Written::nothing(self.revision()));
        }
        match commit::write::<T>(&self.reading, self.writes).await {
            Ok(wrote) => wrote.proven::<T>(&self.reading),
            Err(unwritten) => Err(unwritten.explained::<T>(&self.reading).await),
        }
    }

    /// As [`commit`](Self::commit), and `None` is a conflict of which nobody wants to know more.
    pub(super) fn try_commit(self) -> Result<Option<Written>, Error> {
        if self.is_empty() {
            return Ok(Some(Written::nothing(self.revision())));
        }
        let Self { reading, writes, .. } = self;
        let of = reading.clone();
        let wrote = in_background(async move { commit::write::<T>(&reading, writes).await })?.0;
        proven_or_conflict::<T>(wrote, &of)
    }

    /// The same for callers in a tokio runtime.
    pub(super) async fn try_commit_async(self) -> Result<Option<Written>, Error> {
        if self.is_empty() {
            return Ok(Some(Written::nothing(self.revision())));
        }
        let wrote = commit::write::<T>(&self.reading, self.writes).await;
        proven_or_conflict::<T>(wrote, &self.reading)
    }
}

fn proven_or_conflict<T: Derived>(
    wrote: Result<Wrote, Unwritten>,
    reading: &Reading,
) -> Result<Option<Written>, Error> {
    match wrote {
        Ok(wrote) => wrote.proven::<T>(reading).map(Some),
        Err(Unwritten::Conflict(_)) => Ok(None),
        Err(Unwritten::Failed(error)) => Err(error),
    }
}

impl<T> Plan<T> {
    /// The keys that change, in ascending order, with what they are.
    pub fn changes(&self) -> &[PlannedChange] {
        &self.changes
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What is odd about the keys that change, and no reason to refuse them: unknown keys, old names, deprecated ones.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    pub(crate) fn reading(&self) -> &Reading {
        &self.reading
    }

    /// What is written, the commit key last.
    pub(crate) fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The revision that was read, and must still be the newest of the prefix.
    pub fn revision(&self) -> u64 {
        self.reading.listing.revision
    }
}

/// The changes that change something.
fn what_differs(changes: BTreeMap<String, Option<Bytes>>, tree: &KeyTree) -> BTreeMap<String, Option<Bytes>> {
    changes.into_iter().filter(|(path, text)| tree.get(path) != text.as_deref()).collect()
}

/// Readers of a struct with a commit key take nothing over before that is written, with whatever value, in whatever layer.
fn add_commit_key<T: Derived>(layers: &mut [LayerEdit<T>], revision: u64) {
    let Some(key) = T::LAYOUT.commit_key else { return };
    if layers.iter().any(|layer| layer.changes.get(key).is_some_and(Option::is_some)) {
        return;
    }
    if let Some(LayerEdit { changes, tree, .. }) = layers.iter_mut().find(|layer| !layer.changes.is_empty()) {
        let present = tree.value(key);
        changes.insert(key.to_owned(), Some(present.unwrap_or_else(|| revision.to_string().into())));
    }
}

/// What is written, the commit key last.
fn writes<T: Derived>(layers: &[LayerEdit<T>]) -> Vec<Write> {
    let (mut writes, mut last) = (Vec::new(), Vec::new());
    for LayerEdit { changes, tree, .. } in layers {
        for (path, value) in changes {
            let is_last = Some(path.as_str()) == T::LAYOUT.commit_key;
            if is_last { &mut last } else { &mut writes }.push(Write {
                key: tree.prefix().join(path).into(),
                value: value.clone(),
                read_at: tree.raw(path).map(Raw::revision),
            });
        }
    }
    writes.append(&mut last);
    writes
}

fn batch<T>(layers: &[LayerEdit<T>], revision: u64) -> Batch {
    let mut all = Vec::new();
    for LayerEdit { changes, tree, .. } in layers {
        all.extend(changes.iter().map(|(path, value)| {
            let key = Bytes::from(tree.prefix().join(path));
            match value {
                Some(value) => Change::Put(Entry { key, value: value.clone(), revision }),
                None => Change::Delete(key),
            }
        }));
    }
    Batch { revision, changes: all }
}

fn planned<T>(layer: &LayerEdit<T>, whole: &Prefix) -> Vec<PlannedChange> {
    let LayerEdit { changes, unseen, tree, schema, .. } = layer;
    let describer = Describer::in_layer(schema, tree.prefix(), whole);
    let change = |(path, new): (&String, &Option<Bytes>)| {
        describer.change(path, tree.get(path), new.as_deref(), !unseen.contains(path))
    };
    changes.iter().map(change).collect()
}

/// Says before anything is sent that the store would not take it.
fn refuse_too_many<T: Derived>(count: usize, at_once: usize, reading: &Reading) -> Result<(), Error> {
    let (name, prefix) = (T::LAYOUT.name, reading.prefix());
    if count > 0 && at_once == 0 {
        return Err(Error::option(format!("{name} cannot be written below {prefix}: the store only reads")));
    }
    if count <= at_once || T::LAYOUT.commit_key.is_some() {
        return Ok(());
    }
    let takes = if at_once == 1 { "one key".to_owned() } else { format!("{at_once} keys") };
    Err(Error::option(format!(
        "{count} keys of {name} are to be written below {prefix}, and the store takes {takes} at once: nothing is \
         written. Make several edits of it, each of which is valid by itself, or give {name} a `commit_key`, so that \
         its readers wait for the last one"
    )))
}

/// Adds where the text is written that the problem is about, if it is one from there.
fn say_where<T>(problem: &mut Problem, layer: &LayerEdit<T>) {
    let LayerEdit { origins, tree, .. } = layer;
    let path = problem.key.strip_prefix(tree.prefix().directory());
    let origin =
        path.and_then(|path| origins.get(path).filter(|origin| tree.get(path) == origin.text.as_deref()));
    if let Some(origin) = origin {
        problem.what = format!("{} ({})", problem.what, origin.place);
    }
}

/// Where the newest key of what is refused is one that the edit writes.
fn say_this_edit(problem: &mut Problem, revision: u64) {
    if let Some(before) = problem.what.strip_suffix(&set_at(revision)) {
        problem.what = format!("{before}, which this edit sets");
    }
}

/// The problems as those of the edit: what it would write has no revision yet.
fn refused<T: Derived>(mut problems: Vec<Problem>, planned: &[PlannedChange], reading: &Reading) -> Error {
    let is_new = |problem: &&mut Problem| planned.iter().any(|change| change.key == problem.key);
    problems.iter_mut().filter(is_new).for_each(|problem| problem.revision = None);
    // What does not decode, and is not changed, was so before.
    let is_old = |problem: &&Problem| problem.kind == Kind::Undecodable && problem.revision.is_some();
    let way_out = match problems.iter().find(is_old) {
        Some(old) => {
            format!("; {} was bad before: set or unset it in the same edit", Printable::line(&old.key))
        }
        None => String::new(),
    };
    let remark = format!("based on revision {}: nothing is written{way_out}", reading.listing.revision);
    let report = Report::new(T::LAYOUT.name, reading.prefix(), 0, problems);
    Error::from_report(report.with_remark(Some(&remark)))
}

impl<T> fmt::Display for Plan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, name) = (self.changes.len(), self.name);
        let (prefix, revision) = (self.reading.prefix(), self.revision());
        let changes = match count {
            0 => "no change".to_owned(),
            1 => "1 change".to_owned(),
            count => format!("{count} changes"),
        };
        write!(f, "{changes} in {name} below {prefix}, based on revision {revision}")?;
        write_table(&self.changes, f)?;
        self.warnings.iter().try_for_each(|warning| write!(f, "\n  warning: {warning}"))
    }
}

/// Shows no secret.
impl<T> fmt::Debug for Plan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("revision", &self.revision())
            .field("changes", &self.changes)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}
