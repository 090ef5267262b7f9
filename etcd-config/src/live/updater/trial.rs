//! An update for which something has to be built: it is held until that is done, and tried again where that fails.

use std::sync::Arc;

use etcd_client_core::watcher::Cause;

use super::{Effects, Updater};
use crate::problem::Problem;
use crate::publish::Outcome;
use crate::resource::builds::{Failed, ToBuild};
use crate::resource::maker::Maker;

/// An update that is held.
#[derive(Clone, Copy)]
pub(super) struct Trial {
    pub(super) cause: Cause,
    /// The cluster that its keys are of.
    pub(super) cluster: u64,
    /// The same keys were tried before.
    pub(super) is_retry: bool,
}

impl Updater {
    /// Has built what is lacking.
    pub(super) fn hold(&mut self, trial: Trial, makers: Vec<Arc<Maker>>, effects: &mut Effects) {
        self.trial = Some(trial);
        let (old, is_retry) = (self.shared.current.any(), trial.is_retry);
        let new = self.publisher.held_snapshot();
        effects.to_build = new.map(|new| ToBuild { old, new, makers, is_retry });
        self.record_update(effects, |_| ());
    }

    /// Publishes what was held, or refuses it, and goes on with what has come meanwhile.
    pub(super) fn built(&mut self, mut failed: Vec<Failed>, effects: &mut Effects) {
        let Some(trial) = self.trial.take() else { return };
        failed.retain(|failed| failed.maker.is_wanted());
        if failed.is_empty() {
            let (shared, mut lacking) = (Arc::clone(&self.shared), Vec::new());
            let place = |snapshot| shared.publish(&snapshot, trial.cluster, &mut lacking);
            match self.publisher.publish_held(place) {
                Outcome::Held => self.hold(trial, lacking, effects),
                outcome => self.conclude(outcome, effects),
            }
        } else {
            self.refuse(trial, &failed, effects);
        }
        self.go_on(effects);
    }

    /// Tries again what a build has refused, if the keys are still the same.
    pub(super) fn retry(&mut self, effects: &mut Effects) {
        let Some(cause) = self.awaits_retry else { return };
        if self.publisher.outstanding().is_untried() {
            // Newer keys are collected, and tried with these.
            return;
        }
        self.publisher.try_again();
        self.try_newest(cause, true, effects);
        self.go_on(effects);
    }

    fn refuse(&mut self, trial: Trial, failed: &[Failed], effects: &mut Effects) {
        let prefix = self.shared.keys.context().prefix().path().to_owned();
        let problems =
            failed.iter().map(|Failed { maker, what }| Problem::not_built(&prefix, maker.label(), what));
        let kept = self.shared.current.revision();
        let Outcome::Refused(rejection) = self.publisher.refuse_held(problems.collect(), kept) else {
            return;
        };
        let words = rejection.problems().iter().map(Problem::what);
        self.shared.note_failed_builds(failed.iter().map(|failed| &failed.maker).zip(words));
        let is_known = |record: &_| trial.is_retry && is_last(record, rejection.problems());
        if self.shared.status_cell.read(is_known) {
            self.record_update(effects, |record| record.refuse_again(rejection));
        } else {
            self.announce_refusal(rejection, effects);
        }
        self.awaits_retry = Some(trial.cause);
        effects.must_retry = true;
    }

    /// Goes on with what was put aside. While another try is awaited, that is what may be in force without it.
    fn go_on(&mut self, effects: &mut Effects) {
        let must_wait = self.awaits_retry.is_some() && !self.aside.is_to_be_tried();
        if !must_wait && !self.publisher.is_held() {
            let aside = std::mem::take(&mut self.aside);
            self.catch_up(aside, effects);
        }
    }
}

/// Whether the last update was refused for the same reasons.
fn is_last(record: &crate::status::cell::StatusRecord, problems: &[Problem]) -> bool {
    record.last_rejection().is_some_and(|last| last.problems() == problems)
}
