//! What is said of a rollout, or of a step of one, that has not come to its end.

use std::sync::Arc;

use etcd_client_core::{Kind, Printable};

use super::record::RolloutRecord;
use super::steps::Stop;
use super::transaction::NotMade;
use super::view::{RolloutPlace, View};
use super::work::Work;
use crate::error::{Error, RolloutEnd, RolloutFailure, WriteFailure};

impl Work {
    /// As the error of somebody who finds it gone.
    pub(super) async fn ended_elsewhere(&self, record: &RolloutRecord) -> Error {
        match self.promoted_at(record).await {
            Ok(at) => self.failure(RolloutEnd::EndedElsewhere { promoted: at.is_some() }, None),
            Err(error) => {
                let why = "it is no longer there".to_owned();
                self.failure(RolloutEnd::Unknown { id: self.id.clone(), why }, Some(error))
            }
        }
    }

    /// The revision at which it was promoted. None if it was taken back, or if one of its keys was changed again since.
    pub(super) async fn promoted_at(
        &self,
        record: &RolloutRecord,
    ) -> Result<Option<u64>, etcd_client_core::Error> {
        let Self { place, store, prefix, record_key, .. } = self;
        let view = View { listing: Arc::new(store.list(prefix).await?) };
        let mut revisions = record.keys.iter().map(|key| {
            let is_at = view.get(&place.base.join(&key.path)).map(|entry| entry.revision);
            is_at.filter(|is_at| Some(*is_at) != key.was_at)
        });
        let Some(at) = revisions.next().flatten() else { return Ok(None) };
        if revisions.any(|other| other != Some(at)) {
            return Ok(None);
        }
        // They were written together. It was promoted if the record went at the same revision.
        for (revision, is_there) in [(at.saturating_sub(1), true), (at, false)] {
            match store.list_at(&place.records, revision).await {
                Ok(listing) => {
                    let view = View { listing: Arc::new(listing) };
                    if view.get(record_key).is_some() != is_there {
                        return Ok(None);
                    }
                }
                // Nobody knows any better.
                Err(error) if error.kind() == Kind::Compacted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(at))
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
        let (why, error) = in_words(&self.place, not_made);
        let id = self.id.clone();
        match error {
            Some((error, true)) => self.failure(RolloutEnd::Unknown { id, why: what.to_owned() }, error),
            Some((error, false)) => {
                self.failure_with(RolloutEnd::Staged { id, why: what.to_owned() }, error, way_out)
            }
            None => self.failure(RolloutEnd::Staged { id, why: format!("{what}: {why}") }, None),
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
        NotMade::TakenOver => "somebody else drives it".to_owned(),
        NotMade::Crowded => "others write there all the time".to_owned(),
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
