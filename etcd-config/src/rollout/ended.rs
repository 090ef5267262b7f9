//! What is said of a rollout, or of a step of one, that has not come to its end.

use std::sync::Arc;

use etcd_client_core::{Kind, Printable};
use tokio::time::{Instant, sleep};

use super::actor::LEASE;
use super::record::{RolloutKey, Staged};
use super::transaction::{NotMade, PAUSE};
use super::view::{RolloutPlace, View};
use super::work::Work;
use super::writes::{Stop, below};
use crate::error::{Error, RolloutEnd, RolloutFailure, WriteFailure};
use crate::live::first_load::is_final;
use crate::runtime::deadline::runtime_deadline;

/// What has become of a rollout whose record is gone.
pub(super) struct Fate {
    /// Whether it was promoted; `None` where its keys were changed again since, or that is compacted.
    pub(super) promoted: Option<bool>,
    /// What is likelier then.
    seems_promoted: bool,
    /// Keys of layers that still have the change: somebody has deleted the record, and nothing else.
    pub(super) left: Vec<String>,
}

impl Work {
    /// As the error of somebody who finds it gone.
    pub(super) async fn ended_elsewhere(&self, staged: &Staged) -> Error {
        match self.fate(staged).await {
            Ok(Fate { promoted, seems_promoted, left }) => {
                let promoted = promoted.unwrap_or(seems_promoted);
                self.failure(RolloutEnd::EndedElsewhere { promoted, left }, None)
            }
            Err(error) => {
                let why = "it is no longer there".to_owned();
                self.failure(RolloutEnd::Unknown { id: self.id.clone(), why }, Some(error))
            }
        }
    }

    /// What has become of it now that its record is gone, through outages within the limit.
    pub(super) async fn fate(&self, staged: &Staged) -> Result<Fate, etcd_client_core::Error> {
        let deadline = runtime_deadline(self.place.plan.limit);
        loop {
            match self.fate_now(staged).await {
                Err(error) if !is_final(&error) && Instant::now() + PAUSE < deadline => sleep(PAUSE).await,
                answer => return answer,
            }
        }
    }

    async fn fate_now(&self, staged: &Staged) -> Result<Fate, etcd_client_core::Error> {
        let Self { place, store, prefix, record_key, .. } = self;
        let Staged { record, at: staged_at } = staged;
        let view = View { listing: Arc::new(store.list(prefix).await?) };
        let of_layers =
            record.layers.iter().flat_map(|layer| record.keys.iter().map(|key| below(layer, &key.path)));
        let left =
            of_layers.filter(|key| view.get(key).is_some_and(|entry| entry.revision == *staged_at)).collect();
        let fate = |promoted, seems_promoted| Ok(Fate { promoted, seems_promoted, left });
        let revision_of =
            |key: &RolloutKey| view.get(&place.base.join(&key.path)).map(|entry| entry.revision);
        // A promotion writes all of them together.
        if record.keys.iter().any(|key| revision_of(key) == key.was_at) {
            return fate(Some(false), false);
        }
        let Some(at) = record.keys.first().and_then(revision_of) else { return fate(None, false) };
        if record.keys.iter().any(|key| revision_of(key) != Some(at)) {
            return fate(None, false);
        }
        // It was promoted if the record went at the same revision.
        let mut is_known = true;
        for (revision, is_there) in [(at.saturating_sub(1), true), (at, false)] {
            match store.list_at(&place.records, revision).await {
                Ok(listing) => {
                    let view = View { listing: Arc::new(listing) };
                    if view.get(record_key).is_some() != is_there {
                        return fate(None, false);
                    }
                }
                Err(error) if error.kind() == Kind::Compacted => is_known = false,
                Err(error) => return Err(error),
            }
        }
        fate(is_known.then_some(true), true)
    }

    pub(super) fn failure(&self, end: RolloutEnd, error: Option<etcd_client_core::Error>) -> Error {
        self.failure_with(end, error, String::new())
    }

    fn failure_with(
        &self,
        end: RolloutEnd,
        error: Option<etcd_client_core::Error>,
        way_out: String,
    ) -> Error {
        let prefix = self.place.base.to_string();
        Error::of_rollout(RolloutFailure { name: self.place.name, prefix, end, error, way_out })
    }

    /// What to grant, where the store's error does not say it: it names what may not be read, but not what may not be
    /// written.
    fn way_out(&self, not_made: &NotMade) -> String {
        if !matches!(not_made, NotMade::Denied(_)) {
            return String::new();
        }
        let all: Vec<String> = self
            .prefix
            .directories_as_added()
            .map(|directory| Printable::line(directory).to_string())
            .collect();
        format!(": grant the user a role that may read and write all of {}", all.join(", "))
    }

    /// What is said of a step after the first one that was not made.
    pub(super) fn stays(&self, not_made: NotMade, what: &str) -> Error {
        let way_out = self.way_out(&not_made);
        // A revision of a key does not come back. That a key is absent may, but nobody should wait for it.
        let can_resume = !matches!(not_made, NotMade::Stop(Stop::Conflict(_)));
        let (why, error) = in_words(&self.place, not_made);
        let id = self.id.clone();
        match error {
            Some((error, true)) => self.failure(RolloutEnd::Unknown { id, why: what.to_owned() }, error),
            Some((error, false)) => {
                let end = RolloutEnd::Staged { id, why: what.to_owned(), can_resume };
                self.failure_with(end, error, way_out)
            }
            None => {
                let end = RolloutEnd::Staged { id, why: format!("{what}: {why}"), can_resume };
                self.failure(end, None)
            }
        }
    }

    /// What is said of the first step, if it was not made.
    pub(super) fn not_staged(&self, read_at: u64, not_made: NotMade) -> Error {
        if let NotMade::Stop(Stop::Conflict(keys)) = not_made {
            let failure = WriteFailure::Conflict { read_at, keys };
            return Error::write(self.place.name, &self.place.base, (0, 1), failure);
        }
        if let NotMade::TooMany { .. } = not_made {
            return Error::option(in_words(&self.place, not_made).0);
        }
        let way_out = self.way_out(&not_made);
        let (why, error) = in_words(&self.place, not_made);
        match error {
            Some((error, true)) => {
                let why = "it was to be staged".to_owned();
                self.failure(RolloutEnd::Unknown { id: self.id.clone(), why }, error)
            }
            Some((error, false)) => {
                let why = "the store has not taken it".to_owned();
                self.failure_with(RolloutEnd::NotBegun { why }, error, way_out)
            }
            None => self.failure(RolloutEnd::NotBegun { why }, None),
        }
    }
}

/// The reason in words; or the store's error, and whether the step may have been made.
type Words = (String, Option<(Option<etcd_client_core::Error>, bool)>);

fn in_words(place: &RolloutPlace, not_made: NotMade) -> Words {
    let words = match not_made {
        NotMade::Stop(Stop::Gone) => "it is no longer there".to_owned(),
        NotMade::Stop(Stop::Refused(why)) => why,
        NotMade::Stop(Stop::Conflict(keys)) => {
            let keys: Vec<String> =
                keys.iter().take(10).map(|key| Printable::line(&key.key).to_string()).collect();
            format!("somebody else has changed {}", keys.join(", "))
        }
        NotMade::TakenOver => {
            format!("somebody else drives it; if that process has died, try again in {LEASE:?}")
        }
        NotMade::Crowded => {
            format!(
                "others write below {} or its layers without a pause: try again when they have ended",
                place.base
            )
        }
        NotMade::TooMany { writes, at_once } => format!(
            "{writes} keys of {} would have to be written at once, and the store takes {at_once}: roll out fewer keys, \
             to fewer instances, or to a layer that they share",
            place.name
        ),
        NotMade::Denied(error) => return (String::new(), Some((Some(error), false))),
        NotMade::Store { error, maybe } => return (String::new(), Some((error, maybe))),
    };
    (words, None)
}
