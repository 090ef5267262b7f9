//! A snapshot that is decoded and checked, and not published before what is made of it is there.

use std::sync::Arc;

use etcd_client_core::watcher::Cause;

use super::any_config::AnyConfig;
use super::keys::Keys;
use super::lag::Lag;
use super::snapshot::AnySnapshot;
use super::spares::Spare;
use super::{Outcome, Publisher, Swap};
use crate::problem::Problem;
use crate::runtime::panics;

/// The snapshot. While there is one, the keys stay as they are: further changes wait.
pub(super) struct Held {
    pub(super) snapshot: Arc<dyn AnySnapshot>,
    pub(super) cause: Cause,
}

impl Publisher {
    pub(crate) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    pub(crate) fn held_snapshot(&self) -> Option<Arc<dyn AnySnapshot>> {
        self.held.as_ref().map(|held| Arc::clone(&held.snapshot))
    }

    /// Publishes the held snapshot, as [`publish`](Self::publish) does.
    pub(crate) fn publish_held(&mut self, swap: impl Swap) -> Outcome {
        let Some(Held { snapshot, cause }) = self.held.take() else { return Outcome::NothingToTry };
        let outcome = self.place(snapshot, cause, swap);
        self.settle(&outcome);
        outcome
    }

    /// Refuses the held snapshot: what is to be made of it could not be made. `problems` are the words of the user's
    /// code, which has seen the values.
    pub(crate) fn refuse_held(&mut self, mut problems: Vec<Problem>, in_force: u64) -> Outcome {
        let Some(Held { snapshot, .. }) = self.held.take() else { return Outcome::NothingToTry };
        scrub(&mut problems, self.config, &self.keys);
        // What has changed since the published one is read again: that is how a difference to it is found.
        let spare = |lag: Option<Lag>| Spare { snapshot, lag: lag.unwrap_or_default() };
        match &self.lag {
            Some(lag) => self.spares.keep(spare(Some(lag.clone())), self.keys.len()),
            None => self.spares.discard(spare(None)),
        }
        let outcome = self.refuse(problems, None, in_force);
        self.settle(&outcome);
        outcome
    }

    /// What was refused is tried again.
    pub(crate) fn try_again(&mut self) {
        self.outstanding = self.outstanding.to_be_tried();
    }
}

/// Replaces the secrets in the words of the user's code, those of the keys now and those in force.
pub(crate) fn scrub(problems: &mut [Problem], config: &dyn AnyConfig, keys: &Keys) {
    let (tree, unpublished) = keys.with_unpublished();
    let published =
        etcd_client_core::Listing { revision: 0, cluster: 0, entries: tree.entries_before(&unpublished) };
    let context = keys.context();
    let published = context.tree(&published);
    if panics::caught(|| config.scrub_words(problems, [&tree, &published], context)).is_err() {
        problems.iter_mut().for_each(|problem| panics::WITHHELD.clone_into(&mut problem.what));
    }
}
