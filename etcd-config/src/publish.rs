//! From changed keys to the next snapshot.
//!
//! Old snapshots are used again. When a new one is published, the old one is kept as a spare,
//! together with the keys that have changed since it was current; when its last reader has dropped
//! it, only those keys are decoded into it, and it is published in its turn. So an update costs
//! what changed, not what there is, and `T` need not be `Clone`. A decoding that fails may leave the
//! spare half done, which no reader sees; what is published is never touched.
//!
//! All of it is compiled once, and not for each type of configuration: what has to know the type is
//! [`AnyConfig`]'s, and the [`Current`](current::Current) place that readers look at.

pub(crate) mod any_config;
pub(crate) mod change;
pub(crate) mod current;
pub(crate) mod decoding;
pub(crate) mod held;
pub(crate) mod keys;
mod lag;
mod remarks;
pub(crate) mod snapshot;
pub(crate) mod spares;
pub(crate) mod speed;

use std::sync::Arc;
use std::time::Instant;

use etcd_client_core::watcher::Cause;
use etcd_client_core::{Batch, PackedListing};

use self::any_config::AnyConfig;
use self::change::Step;
use self::decoding::decoded_any;
use self::held::Held;
use self::keys::Keys;
use self::lag::Lag;
use self::remarks::Remarks;
use self::snapshot::AnySnapshot;
use self::spares::{Spare, Spares};
use self::speed::DecodeSpeed;
use crate::decode::Context;
use crate::lint::absent;
use crate::lint::all_ordinary::are_all_ordinary;
use crate::lint::nothing_read::{Neighbours, NothingRead};
use crate::lint::puts::puts;
use crate::problem::{Problem, Report};
use crate::rejection::Rejection;
use crate::runtime::panics;
use crate::schema::relevance::keep_relevant;
use crate::shape::layout::Layout;
use crate::status::outstanding::Outstanding;
use crate::tree::{Replaced, Touched};

/// Holds the keys, and publishes snapshots of them.
pub(crate) struct Publisher {
    config: &'static dyn AnyConfig,
    keys: Arc<Keys>,
    revision: u64,
    /// How many snapshots came after the first.
    published: u64,
    /// What the keys say and the published snapshot does not.
    outstanding: Outstanding,
    /// The keys are from the cache file, so the first change from the store is tried even if the commit key was not
    /// written.
    from_cache: bool,
    spares: Spares,
    /// Decoded, and not published before what is made of it is there.
    held: Option<Held>,
    /// What has changed since the published snapshot was read, for when it becomes a spare. `None` if that is not
    /// known: then it is dropped, and does not become a spare.
    lag: Option<Lag>,
    remarks: Remarks,
}

/// Publishes a snapshot, or says why not.
pub(crate) trait Swap: FnOnce(Arc<dyn AnySnapshot>) -> Placed {}

impl<F: FnOnce(Arc<dyn AnySnapshot>) -> Placed> Swap for F {}

/// What became of a snapshot that was to be published.
pub(crate) enum Placed {
    Done(Swapped),
    /// What is made of it has to be there first.
    NotYet,
    /// The watch has ended.
    Ended,
}

/// What a published snapshot has taken the place of.
pub(crate) struct Swapped {
    pub(crate) before: Arc<dyn AnySnapshot>,
    /// What has been replaced since it was published.
    pub(crate) replaced: Arc<Replaced>,
}

/// What an update came to.
pub(crate) enum Outcome {
    NothingToTry,
    /// No key differs from the published snapshot's any more.
    BackAtPublished,
    /// Keys that fields read were written, and the values are the same: what is published is the newest.
    ValuesUnchanged(Arc<Replaced>),
    Published(Step),
    /// Decoded, and [held](Publisher::publish_held) until what is made of it is there.
    Held,
    /// The watch has ended meanwhile, and what is in force stays.
    Ended,
    Refused(Rejection),
}

impl Publisher {
    /// Reads the first snapshot; how fast that was says how fast updates will be.
    ///
    /// If there are no keys, `neighbours` are others. With `names_commands` the report has those that write what is
    /// missing.
    pub(crate) fn new(
        config: &'static dyn AnyConfig,
        context: Context,
        listing: &Arc<PackedListing>,
        neighbours: Option<&Neighbours>,
        names_commands: bool,
    ) -> Result<(Self, Arc<dyn AnySnapshot>, DecodeSpeed), Report> {
        let begin = Instant::now();
        let tree = context.shared_tree(listing);
        let revision = listing.revision();
        let nothing_read = NothingRead::find(context.schema(), &tree, neighbours);
        let (mut first, _) = match decoded_any(config, &tree, &context, None) {
            Ok(decoded) => decoded,
            Err(problems) => {
                let unread_keys = match nothing_read {
                    Some(_) => None,
                    None => absent::besides(&problems, context.schema(), &tree),
                };
                let is_elsewhere = nothing_read.as_ref().is_some_and(NothingRead::is_elsewhere);
                let commands = names_commands.then(|| puts(&problems, context.schema(), &tree, is_elsewhere));
                let report = Report::new(config.layout().name, context.prefix(), revision, problems);
                let report = report.with_remark(nothing_read.as_ref().map(NothingRead::what));
                return Err(report.with_remark(unread_keys.as_deref()).with_commands(commands.flatten()));
            }
        };
        stamp(&mut first, revision, 0);
        let mut publisher = Self {
            config,
            keys: Arc::new(Keys::new(tree, revision, context)),
            revision,
            published: 0,
            outstanding: Outstanding::Nothing,
            from_cache: false,
            spares: Spares::default(),
            held: None,
            lag: Some(Lag::default()),
            remarks: Remarks::new(nothing_read),
        };
        publisher.look_for_first_warnings();
        let speed = DecodeSpeed::after(begin.elapsed(), listing.len());
        Ok((publisher, first, speed))
    }

    pub(crate) fn layout(&self) -> &'static Layout {
        self.config.layout()
    }

    /// The listing was from the cache.
    pub(crate) fn mark_from_cache(&mut self) {
        self.from_cache = true;
    }

    pub(crate) fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// Whether a panic's message may hold a secret.
    pub(crate) fn has_secrets(&self) -> bool {
        self.keys.context().schema().has_secrets()
    }

    /// How many keys are to be decoded when `changes` more have changed.
    pub(crate) fn keys_to_decode(&self, changes: usize) -> usize {
        match self.spares.next_lag() {
            Some(lag) => lag.max(self.keys.count_unpublished()) + changes,
            None => self.keys.len().max(changes),
        }
    }

    /// After a panic of unknown cause, old snapshots may lack a change: the next snapshot is decoded anew. What is
    /// not published is tried, unless a commit key decides.
    pub(crate) fn distrust(&mut self) {
        self.spares.discard_all();
        self.held = None;
        self.lag = None;
        self.remarks.differ = true;
        if !self.keys.are_published() {
            self.outstanding = self.outstanding.changed();
            if self.layout().commit_key.is_none() {
                self.outstanding = self.outstanding.to_be_tried();
            }
        }
    }

    /// The old snapshots that are to be dropped on another thread.
    pub(crate) fn take_discarded(&mut self) -> Vec<Spare> {
        self.spares.take_discarded()
    }

    /// The revision that the keys are at.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// The store has confirmed that nothing has changed below the prefix up to this revision: the keys are at it, and
    /// no longer only the cache's.
    pub(crate) fn advance(&mut self, revision: u64) {
        self.from_cache = false;
        self.revision = revision;
        self.keys.advance(revision);
        self.spares.discard_surplus();
    }

    /// What the keys say and the published snapshot does not.
    pub(crate) fn outstanding(&self) -> Outstanding {
        self.outstanding
    }

    /// Applies a batch to the keys; nothing is published yet. Returns whether there is something to try.
    pub(crate) fn apply(&mut self, batch: &Batch) -> bool {
        self.revision = batch.revision;
        let committed_at = self.committed_at();
        let context = self.keys.context();
        let is_ordinary = are_all_ordinary(batch, context.schema(), context.prefix());
        let touched = self.keys.apply(batch);
        let is_ordinary = is_ordinary && !touched.has_strays();
        // Writing the commit key counts, even with the value that it has.
        let is_committed = self.committed_at() != committed_at;
        self.look_at_touched(&touched, is_ordinary);
        let is_first = self.from_cache && !touched.is_empty();
        let deletes = batch.changes.iter().any(|change| !matches!(change, etcd_client_core::Change::Put(_)));
        let is_relevant = !touched.is_empty() && self.add_to_lags(touched, is_ordinary, deletes);
        // With a commit key, only its writing makes the keys be tried; without one, any key that matters.
        let must_try = if self.layout().commit_key.is_some() { is_committed } else { is_relevant };
        if must_try || is_first {
            self.outstanding = self.outstanding.to_be_tried();
        }
        self.from_cache &= !is_first;
        self.outstanding.is_untried()
    }

    /// Adds what has changed to the lag of each snapshot. Returns whether it can make a difference to any.
    /// `is_ordinary` says that all of it does; `deletes` says that some of it are deletions.
    fn add_to_lags(&mut self, touched: Touched, is_ordinary: bool, deletes: bool) -> bool {
        let tree = self.keys.read();
        let relevant =
            if is_ordinary { touched } else { keep_relevant(self.keys.context().schema(), &tree, touched) };
        if !relevant.is_empty() {
            if self.nothing_read().is_some() || deletes {
                self.look_for_nothing_read(&tree);
            }
            self.outstanding = self.outstanding.changed();
            let relevant = Arc::new(relevant);
            self.spares.add_to_lags(&relevant);
            self.lag.iter_mut().for_each(|lag| lag.add(&relevant));
            self.try_restart_changes(&tree);
            return true;
        }
        if self.outstanding.is_nothing() {
            // The published snapshot is what the keys say.
            self.keys.mark_published();
        }
        false
    }

    /// The revision at which the commit key was last written.
    fn committed_at(&self) -> Option<u64> {
        let key = self.layout().commit_key?;
        self.keys.read().written_at(key)
    }

    /// Publishes the keys as they are now, or says why not.
    ///
    /// `swap` publishes the snapshot, unless the watch has ended, or something is to be made of it first; `in_force`
    /// is the revision of the snapshot that is published until then.
    pub(crate) fn publish(&mut self, in_force: u64, cause: Cause, swap: impl Swap) -> Outcome {
        if !self.outstanding.is_untried() {
            return Outcome::NothingToTry;
        }
        // If decoding panics, `outstanding` stays `Untried`, so the next call tries again.
        let outcome = self.try_newest(in_force, cause, swap);
        self.settle(&outcome);
        outcome
    }

    fn settle(&mut self, outcome: &Outcome) {
        self.outstanding = match outcome {
            Outcome::BackAtPublished | Outcome::ValuesUnchanged(_) | Outcome::Published(_) => {
                Outstanding::Nothing
            }
            Outcome::Refused(_) => self.outstanding.refused(),
            Outcome::NothingToTry | Outcome::Ended | Outcome::Held => self.outstanding,
        };
    }

    fn try_newest(&mut self, in_force: u64, cause: Cause, swap: impl Swap) -> Outcome {
        if self.keys.is_back_at_published() {
            return Outcome::BackAtPublished;
        }
        match self.next() {
            Ok((snapshot, true)) => self.place(snapshot, cause, swap),
            Ok((snapshot, false)) => {
                self.spares.keep(Spare { snapshot, lag: Lag::default() }, self.keys.len());
                Outcome::ValuesUnchanged(self.keys.mark_published())
            }
            Err(problems) => {
                let (tree, context) = (self.keys.read(), self.keys.context());
                let nothing_read = NothingRead::find(context.schema(), &tree, None);
                self.refuse(problems, nothing_read.as_ref().map(NothingRead::what), in_force)
            }
        }
    }

    fn refuse(&self, problems: Vec<Problem>, remark: Option<&str>, in_force: u64) -> Outcome {
        let prefix = self.keys.context().prefix();
        let report = Report::new(self.layout().name, prefix, self.revision, problems).with_remark(remark);
        Outcome::Refused(Rejection::new(report, in_force))
    }

    /// The next snapshot: a spare brought up to date, or a new one if all are in use. And whether any value in it
    /// differs from the published one's.
    fn next(&mut self) -> Result<(Arc<dyn AnySnapshot>, bool), Vec<Problem>> {
        let Some(mut spare) = self.spares.take(self.keys.len()) else { return self.anew() };
        let Some(snapshot) = Arc::get_mut(&mut spare.snapshot) else { return self.anew() };
        let (tree, since_published) = self.keys.with_unpublished();
        let (config, context) = (self.config, self.keys.context());
        let update = || spare.lag.with(|lag| config.update(snapshot, &tree, lag, context, &since_published));
        match panics::caught(update) {
            Ok(Ok(differs)) => {
                snapshot.stamp(self.revision, self.published + 1);
                Ok((spare.snapshot, differs))
            }
            // Its lag stays, so the same keys are decoded again next time, over what is half done.
            Ok(Err(problems)) => {
                self.spares.put_back(spare);
                Err(problems)
            }
            // The spare may be in any state. A new snapshot is decoded instead: it replaces no old values, whose drop
            // may be what has panicked.
            Err(_) => {
                self.spares.discard(spare);
                self.anew()
            }
        }
    }

    fn anew(&self) -> Result<(Arc<dyn AnySnapshot>, bool), Vec<Problem>> {
        let (tree, since_published) = self.keys.with_unpublished();
        let (mut snapshot, differs) =
            decoded_any(self.config, &tree, self.keys.context(), Some(&since_published))?;
        stamp(&mut snapshot, self.revision, self.published + 1);
        Ok((snapshot, differs))
    }

    fn place(&mut self, snapshot: Arc<dyn AnySnapshot>, cause: Cause, swap: impl Swap) -> Outcome {
        match swap(Arc::clone(&snapshot)) {
            Placed::Done(swapped) => Outcome::Published(self.replaced(snapshot, cause, swapped)),
            Placed::NotYet => {
                self.held = Some(Held { snapshot, cause });
                Outcome::Held
            }
            Placed::Ended => Outcome::Ended,
        }
    }

    fn replaced(&mut self, snapshot: Arc<dyn AnySnapshot>, cause: Cause, swapped: Swapped) -> Step {
        let Swapped { before, replaced } = swapped;
        let lag = self.lag.replace(Lag::default());
        self.published += 1;
        let step = Step::new(Arc::clone(&before), snapshot, replaced, cause);
        match lag {
            Some(lag) => self.spares.keep(Spare { snapshot: before, lag }, self.keys.len()),
            None => self.spares.discard(Spare { snapshot: before, lag: Lag::default() }),
        }
        step
    }
}

/// Says what a new snapshot is the state of.
fn stamp(snapshot: &mut Arc<dyn AnySnapshot>, revision: u64, number: u64) {
    // Nobody else has it yet.
    if let Some(snapshot) = Arc::get_mut(snapshot) {
        snapshot.stamp(revision, number);
    }
}
