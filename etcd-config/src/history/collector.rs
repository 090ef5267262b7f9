//! From stretches of the past to steps.

use std::marker::PhantomData;

use bytes::Bytes;
use etcd_client_core::{Batch, Change, Entry, Prefix};

use super::range::Revisions;
use super::step::{HistoryChange, HistoryStep};
use super::{History, HistoryCut};
use crate::decode::{Derived, survey};
use crate::edit::described::Describer;
use crate::live::backlog::commits;
use crate::past::state::{State, Undo};
use crate::past::{Bounds, Past, Stretch};
use crate::reading::{Reading, decode_all};
use crate::runtime::panics;
use crate::schema::Schema;
use crate::tree::KeyTree;
use crate::tree::directories::in_layer;

/// So many bytes of keys and values are held in all.
const MOST_BYTES: usize = 64 << 20;
/// So many problems of a step are held.
const PROBLEMS: usize = 50;

/// The steps so far, and the state before the oldest of them.
pub(crate) struct Collector<T> {
    prefix: Prefix,
    schema: Schema,
    tree: KeyTree,
    steps: Vec<HistoryStep>,
    first: u64,
    to: u64,
    limit: usize,
    bytes: usize,
    /// There is no room for the changes before this revision.
    full_at: Option<u64>,
    config: PhantomData<fn() -> T>,
}

/// What of the past is looked at for so many steps.
pub(crate) fn bounds(revisions: Revisions, limit: usize) -> Bounds {
    let (bytes, window, from) = (1 << 30, MOST_BYTES, revisions.first);
    Bounds { stretches: u32::MAX, bytes, revisions: limit.max(1), window, from, is_dated: false }
}

impl<T: Derived> Collector<T> {
    /// Goes back from this state.
    pub(crate) fn new(end: &Reading, revisions: Revisions, limit: usize) -> Self {
        Self {
            prefix: end.prefix().clone(),
            schema: Schema::new(survey::<T>(), end.prefix()),
            tree: end.tree::<T>(),
            steps: Vec::new(),
            first: revisions.first,
            to: end.listing.revision,
            limit,
            bytes: 0,
            full_at: None,
            config: PhantomData,
        }
    }

    /// Makes steps of a stretch, newest first; whether there is no room for more. Runs the user's code.
    pub(crate) fn take(&mut self, stretch: Stretch, past: &Past) -> bool {
        let Stretch { base, batches, .. } = stretch;
        let mut state = State::of(&base);
        let undone: Vec<Undo> = batches.iter().map(|batch| state.apply(batch)).collect();
        for (batch, undo) in batches.iter().zip(undone).rev() {
            if batch.revision < self.first {
                break;
            }
            self.bytes +=
                undo.iter().map(|(key, old)| key.len() + old.as_ref().map_or(0, size)).sum::<usize>();
            self.bytes += batch.changes.iter().map(new_size).sum::<usize>();
            let is_full = self.steps.len() >= self.limit || self.bytes > MOST_BYTES && !self.steps.is_empty();
            if is_full || past.is_out_of_time() {
                self.full_at = Some(batch.revision);
                return true;
            }
            let step = self.step(batch, &undo);
            self.steps.push(step);
            self.tree.apply(&inverse(batch.revision, undo));
        }
        false
    }

    fn step(&self, batch: &Batch, undo: &Undo) -> HistoryStep {
        let mut problems = match decode_all::<T>(&self.tree) {
            Ok(decoded) => {
                panics::drop_caught(decoded);
                Vec::new()
            }
            Err(problems) => problems,
        };
        let more = problems.len().saturating_sub(PROBLEMS);
        problems.truncate(PROBLEMS);
        let describer = Describer::of(&self.schema, &self.prefix);
        let mut changes: Vec<HistoryChange> = undo
            .iter()
            .filter_map(|(key, old)| {
                let new = batch.changes.iter().find_map(|change| put_at(change, key));
                self.change(&describer, key, old.as_ref().map(|entry| &entry.value), new)
            })
            .collect();
        changes.sort_by(|left, right| left.key().cmp(right.key()));
        let committed = commits(batch, &self.prefix, T::LAYOUT.commit_key);
        HistoryStep { revision: batch.revision, changes, committed, problems, more, before: None }
    }

    fn change(
        &self,
        describer: &Describer<'_>,
        key: &Bytes,
        old: Option<&Bytes>,
        new: Option<&Bytes>,
    ) -> Option<HistoryChange> {
        let path = String::from_utf8_lossy(in_layer(&self.prefix, key)?.1);
        let [was, is] = [old, new].map(|value| value.map(|value| &value[..]));
        let change = describer.change(&path, was, is, false).at(String::from_utf8_lossy(key).into_owned());
        Some(HistoryChange { change, is_rewrite: old.is_some() && old == new })
    }

    /// The history, as far as it could be read.
    pub(crate) fn history(self, past: &Past) -> History<T> {
        let Self { prefix, steps, first, to, full_at, .. } = self;
        let reached = full_at.unwrap_or_else(|| past.reached());
        let from = first.max(reached.saturating_add(1));
        let cut = match full_at {
            _ if from == first => None,
            None if past.is_compacted() => Some(HistoryCut::Compacted),
            _ => Some(HistoryCut::Limit),
        };
        History { prefix, steps, from, to, cut, config: PhantomData }.marked()
    }
}

fn size(entry: &Entry) -> usize {
    entry.value.len()
}

fn new_size(change: &Change) -> usize {
    match change {
        Change::Put(entry) => entry.value.len(),
        Change::Delete(_) | Change::DeleteBelow(_) => 0,
    }
}

fn put_at<'b>(change: &'b Change, key: &Bytes) -> Option<&'b Bytes> {
    match change {
        Change::Put(entry) if entry.key == key => Some(&entry.value),
        _ => None,
    }
}

/// What takes the changes of a revision back.
fn inverse(revision: u64, undo: Undo) -> Batch {
    let back = |(key, old): (Bytes, Option<Entry>)| match old {
        Some(entry) => Change::Put(entry),
        None => Change::Delete(key),
    };
    Batch { revision, changes: undo.into_iter().map(back).collect() }
}
