//! A rollout from its first step to its end: what is done when.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::actor::OWNER;
use super::observing::{Observation, Seen};
use super::record::{RolloutRecord, Staged};
use super::staging::Draft;
use super::step::RolloutStep;
use super::transaction::{Done, NotMade};
use super::view::View;
use super::work::Work;
use super::writes::{Staging, Stop};
use super::{Promoted, Rollout, RolloutSettings};
use crate::decode::Derived;
use crate::error::{Error, RolloutEnd, TakeBackReason};
use crate::runtime::panics;

/// Begins a rollout, and drives it to its end.
pub(super) async fn begin<T: Derived>(rollout: Rollout<T>) -> Result<Promoted, Error> {
    let Rollout { plan, wanted, settings } = rollout;
    let (place, staging) = Draft::new(&plan, &wanted, &settings)?.addressed().await?;
    let record = staging.record.clone();
    let mut work = Work::new::<T>(place, staging.id.clone(), &record.layers, OWNER, &settings.by)?;
    let done = match work.stage(&staging).await {
        Ok(done) => done,
        Err(not_made) => {
            let error = work.not_staged(plan.revision(), not_made);
            work.leave().await;
            return Err(error);
        }
    };
    settings.tell(&RolloutStep::Staged {
        id: work.id.clone(),
        revision: done.revision,
        instances: record.instances.clone(),
    });
    work.go_on::<T>(Staged { record, at: done.revision }, settings).await
}

/// What would be staged, if it could be staged now. Nothing is written.
pub(super) async fn preview<T: Derived>(draft: Draft) -> Result<RolloutRecord, Error> {
    let (place, staging) = draft.addressed().await?;
    let Staging { id, record, .. } = &staging;
    let work = Work::new::<T>(place, id.clone(), &record.layers, OWNER, &record.by)?;
    work.could_be_staged(&staging).await.map_err(|not_made| work.not_staged(record.read_at, not_made))?;
    Ok(staging.record)
}

impl RolloutSettings {
    pub(super) fn tell(&self, step: &RolloutStep) {
        tracing::info!("rollout: {step}");
        if let Some(listener) = &self.on_step {
            // What a listener does is not the rollout's end.
            let _ = panics::caught(|| listener(step));
        }
    }
}

impl Work {
    /// Watches what is staged, and ends it.
    pub(super) async fn go_on<T: Derived>(
        mut self,
        staged: Staged,
        settings: RolloutSettings,
    ) -> Result<Promoted, Error> {
        let Staged { record, at: staged_at } = &staged;
        let observation = Observation {
            record: self.record_key.clone(),
            staged_at: *staged_at,
            targets: record.instances.clone(),
            fields: record.keys.iter().map(|key| key.field.clone()).collect(),
            restarts: record.restarts,
            limit: settings.limit,
            observe: settings.observe,
            probe: settings.probe.clone(),
            asked: settings.asked.clone(),
        };
        let observe = settings.observe;
        let seen = self.watch(observation, || settings.tell(&RolloutStep::InForce { observe })).await;
        let outcome = match seen {
            Some(Seen::Good) => self.promote::<T>(&staged, &settings).await,
            Some(Seen::TakeBack(reason)) => Err(self.take_back(&staged, reason, &settings).await),
            Some(Seen::Ended) => Err(self.ended_elsewhere(&staged).await),
            None => Err(self.stays(NotMade::TakenOver, "it is watched no more")),
            Some(Seen::Blind(error)) => {
                let why = "the instances cannot be watched".to_owned();
                Err(self.failure(RolloutEnd::Staged { id: self.id.clone(), why, can_resume: true }, error))
            }
        };
        self.leave().await;
        outcome
    }

    async fn promote<T: Derived>(
        &mut self,
        staged: &Staged,
        settings: &RolloutSettings,
    ) -> Result<Promoted, Error> {
        match self.promoted::<T>().await {
            // The answer was lost: somebody else may have been first.
            Ok(Done { found: Some(view), made, .. }) if !has(&view, &made) => {
                Err(self.ended_elsewhere(staged).await)
            }
            Ok(Done { revision, .. }) => {
                settings.tell(&RolloutStep::Promoted { revision });
                Ok(Promoted { revision, instances: staged.record.instances.clone() })
            }
            Err(NotMade::Stop(Stop::Gone)) => Err(self.ended_elsewhere(staged).await),
            Err(not_made) => Err(self.stays(not_made, "it could not be promoted")),
        }
    }

    /// As the error that says that it is taken back, or why it is not.
    async fn take_back(
        &mut self,
        staged: &Staged,
        reason: TakeBackReason,
        settings: &RolloutSettings,
    ) -> Error {
        match self.taken_back(staged).await {
            Ok((revision, left)) => {
                settings.tell(&RolloutStep::TakenBack { revision, left: left.clone() });
                let restarts = staged.record.restarts;
                self.failure(RolloutEnd::TakenBack { reason, revision, left, restarts }, None)
            }
            Err(NotMade::Stop(Stop::Gone)) => self.ended_elsewhere(staged).await,
            Err(not_made) => {
                self.stays(not_made, &format!("it was to be taken back ({reason}), and could not be"))
            }
        }
    }
}

fn has(view: &View, texts: &BTreeMap<String, Bytes>) -> bool {
    texts.iter().all(|(key, text)| view.get(key).is_some_and(|entry| entry.value == *text))
}
