//! Somebody's work on a rollout: each step as one transaction, made by whoever drives it or aborts it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use etcd_client_core::{Kind, Prefix, Store};

use super::actor::Actor;
use super::observing::{Observation, Seen};
use super::promotion_check::check;
use super::record::{RolloutRecord, Staged};
use super::transaction::{Done, NotMade, Step};
use super::view::{RolloutPlace, View};
use super::writes::{
    Staging, Stop, below, most_writes, promote, record_of, refuse_renamed, stage, take_back,
};
use crate::decode::{Derived, survey};
use crate::error::Error;
use crate::reading::{newest, writes_at_once};
use crate::runtime::connections::OwnConnections;
use crate::schema::Schema;

/// A rollout that somebody works on.
pub(super) struct Work {
    pub(super) place: RolloutPlace,
    pub(super) id: String,
    pub(super) record_key: String,
    /// All that the steps read and write.
    pub(super) prefix: Prefix,
    pub(super) store: Arc<dyn Store>,
    actor: Actor,
    commit_key: Option<&'static str>,
    _connections: Arc<OwnConnections>,
}

impl Work {
    /// Of somebody who works on a rollout, by a key of this name below the record.
    pub(super) fn new<T: Derived>(
        place: RolloutPlace,
        id: String,
        layers: &[String],
        role: &str,
        who: &str,
    ) -> Result<Self, Error> {
        let connections = place.connections_here();
        let store = connections.store();
        let record_key = place.record_key(&id);
        let actor = Actor::new(connections.store(), below(&record_key, role), who.to_owned());
        let prefix = place.with_layers(layers)?;
        Ok(Self {
            place,
            id,
            record_key,
            prefix,
            store,
            actor,
            commit_key: T::LAYOUT.commit_key,
            _connections: connections,
        })
    }

    async fn make<R>(
        &mut self,
        stages: bool,
        decide: impl FnMut(&View) -> Result<(Vec<etcd_client_core::Write>, R), Stop>,
    ) -> Result<Done<R>, NotMade> {
        let limit = self.place.plan.limit;
        let Self { store, prefix, record_key, actor, .. } = self;
        Step { store, prefix, record: record_key, stages, limit }.make(actor, decide).await
    }

    /// The change in the layers. What would be too much for the steps after this one is too much for it, too.
    pub(super) async fn stage(&mut self, staging: &Staging) -> Result<Done<()>, NotMade> {
        self.refuse_too_many(staging)?;
        self.refuse_without_right(&staging.record).await?;
        let place = self.place.clone();
        self.make(true, |view| Ok((stage(view, &place, staging)?, ()))).await
    }

    fn refuse_too_many(&self, staging: &Staging) -> Result<(), NotMade> {
        let (writes, at_once) = (most_writes(staging), writes_at_once(&*self.store, &self.prefix));
        if writes > at_once { Err(NotMade::TooMany { writes, at_once }) } else { Ok(()) }
    }

    /// What may be staged and not promoted would stay staged.
    async fn refuse_without_right(&self, record: &RolloutRecord) -> Result<(), NotMade> {
        let paths = || record.keys.iter().map(|key| key.path.as_str()).chain(self.commit_key);
        let of_base = paths().map(|path| self.place.base.join(path));
        let of_layers = record.layers.iter().flat_map(|layer| paths().map(|path| below(layer, path)));
        let keys = of_base.chain(of_layers).chain([self.record_key.clone()]).map(Bytes::from);
        match self.store.may_write(keys.collect()).await {
            Err(error) if error.kind() == Kind::PermissionDenied => Err(NotMade::Denied(error)),
            // If it does not answer, the next call says so.
            _ => Ok(()),
        }
    }

    /// Whether it could be staged now. Nothing is written.
    pub(super) async fn could_be_staged(&self, staging: &Staging) -> Result<(), NotMade> {
        self.refuse_too_many(staging)?;
        self.refuse_without_right(&staging.record).await?;
        let listing = newest(&*self.store, &self.prefix, self.place.plan.limit).await;
        let listing = listing
            .map_err(|error| NotMade::Store { error: error.or_else(|| self.store.outage()), maybe: false })?;
        stage(&View { listing: Arc::new(listing) }, &self.place, staging).map_err(NotMade::Stop)?;
        Ok(())
    }

    /// The change below the prefix; what is returned are its texts by their keys.
    pub(super) async fn promoted<T: Derived>(&mut self) -> Result<Done<BTreeMap<String, Bytes>>, NotMade> {
        let (place, id, commit_key) = (self.place.clone(), self.id.clone(), self.commit_key);
        let schema = Schema::new(survey::<T>(), &place.plan.prefix);
        self.make(false, |view| {
            let promotion = promote(view, &place, &id, commit_key)?;
            refuse_renamed(view, &place, &schema, &promotion)?;
            check::<T>(view, &place, &promotion)?;
            Ok((promotion.writes, promotion.texts))
        })
        .await
    }

    /// The layers as they were before, except what somebody else has changed there: those keys are returned.
    pub(super) async fn taken_back(&mut self, staged: &Staged) -> Result<(u64, Vec<String>), NotMade> {
        let (place, id, commit_key) = (self.place.clone(), self.id.clone(), self.commit_key);
        let done = self.make(false, |view| take_back(view, &place, &id, commit_key)).await?;
        // The answer was lost: somebody else may have promoted it before.
        if done.found.is_some() {
            match self.fate(staged).await {
                Ok(fate) if fate.promoted == Some(true) || !fate.left.is_empty() => {
                    return Err(NotMade::Stop(Stop::Gone));
                }
                Ok(fate) if fate.promoted.is_none() => {
                    return Err(NotMade::Store { error: None, maybe: true });
                }
                Ok(_) => {}
                Err(error) => return Err(NotMade::Store { error: Some(error), maybe: true }),
            }
        }
        Ok((done.revision, done.made))
    }

    /// Becomes the one who drives it, if it is still the one that was staged at this revision.
    pub(super) async fn take_over(&mut self, staged_at: u64) -> Result<(), NotMade> {
        let view = self.look().await?;
        match record_of(&view, &self.place, &self.id) {
            Ok((record, at)) if at == staged_at => self.refuse_without_right(&record).await,
            Ok(_) => Err(NotMade::Stop(Stop::Gone)),
            Err(stop) => Err(NotMade::Stop(stop)),
        }
    }

    /// Says that this one works on it, and reads where it stands.
    async fn look(&mut self) -> Result<View, NotMade> {
        let limit = self.place.plan.limit;
        let Self { store, prefix, record_key, actor, .. } = self;
        Step { store, prefix, record: record_key, stages: false, limit }.read(actor).await
    }

    /// Watches what is staged, and goes on being seen to drive it. `None` if somebody else drives it.
    pub(super) async fn watch(&mut self, observation: Observation, in_force: impl Fn()) -> Option<Seen> {
        let Self { place, actor, .. } = self;
        tokio::select! {
            seen = observation.run(place, in_force) => Some(seen),
            () = actor.stay() => None,
        }
    }

    pub(super) async fn leave(&mut self) {
        self.actor.leave().await;
    }
}
