//! Waiting until a revision is in force for all instances: it follows the entries, and asks for nothing at intervals.

use std::time::Duration;

use etcd_client_core::watcher::{self, Watcher};
use etcd_client_core::{Error as StoreError, Store};
use tokio::time::{Instant, timeout_at};

use super::in_force::{Answers, InForce};
use super::place::{FleetPlace, INSTANCES};
use super::present::Present;
use crate::error::{Error, FleetLag, InstanceLag, LaggingInstance};
use crate::runtime::deadline::runtime_deadline;

/// How much longer the others may take when one never will: about as long as they spread their writes.
const AFTER_REFUSAL: Duration = Duration::from_secs(3);
/// How long after it could not say so the store is asked again whether a state is the same.
pub(super) const ASKED_AGAIN: Duration = Duration::from_secs(1);
/// To look at all instances takes so small a part of the time that their writes are read, however many there are.
const LOOKING: u32 = 8;

/// Waits on this runtime.
pub(super) async fn wait(place: FleetPlace, revision: u64, limit: Duration) -> Result<(), Error> {
    let deadline = runtime_deadline(limit);
    let connections = place.connections_here();
    let store = connections.store();
    let mut watcher = Watcher::new(connections.store(), place.entries.clone(), watcher::Options::default());
    let in_force = InForce::new(place.plan.prefix.clone(), revision);
    let mut waiting = Waiting { present: Present::new(place.entries.clone()), place, in_force };
    let mut until = deadline;
    // When the store is asked again what it could not say.
    let mut ask_at = deadline;
    // Whether there is anything new, and when all are looked at again.
    let (mut has_news, mut look_at) = (false, Instant::now());
    loop {
        let look = if has_news { look_at } else { deadline };
        match timeout_at(until.min(ask_at).min(look), watcher.next()).await {
            Ok(event) => {
                has_news |= waiting.present.take(&event).map_err(|error| waiting.place.refused(error))?;
                if !has_news || Instant::now() < look_at {
                    continue;
                }
            }
            Err(_) if Instant::now() >= until => {
                return Err(waiting.failure(limit, Instant::now() >= deadline, store.outage()));
            }
            Err(_) => {}
        }
        has_news = false;
        // Within the limit, as the store may be silent.
        let answers = timeout_at(until, waiting.ask(&*store)).await.unwrap_or(Answers::Silence);
        ask_at = match answers {
            Answers::All => deadline,
            Answers::Some => Instant::now(),
            Answers::Silence => Instant::now() + ASKED_AGAIN,
        };
        let begin = std::time::Instant::now();
        let lagging = waiting.lagging();
        look_at = Instant::now() + begin.elapsed() * LOOKING;
        let is_for_good = |lagging: &LaggingInstance| {
            matches!(lagging.why, InstanceLag::Refused { .. } | InstanceLag::Unreadable(_))
        };
        let is_open = |lagging: &LaggingInstance| matches!(lagging.why, InstanceLag::NotYet { .. });
        if lagging.is_empty() && waiting.present.count() > 0 {
            return Ok(());
        }
        until = match lagging.iter().any(is_for_good) {
            true if !lagging.iter().any(is_open) => Instant::now(),
            true => until.min(Instant::now() + AFTER_REFUSAL),
            // What was refused is corrected, or the instance has gone.
            false => deadline,
        };
    }
}

/// What is known while waiting.
struct Waiting {
    place: FleetPlace,
    present: Present,
    in_force: InForce,
}

impl Waiting {
    async fn ask(&mut self, store: &dyn Store) -> Answers {
        self.in_force.ask(store, self.present.processes()).await
    }

    /// Who does not have it.
    fn lagging(&self) -> Vec<LaggingInstance> {
        self.in_force.lagging(self.present.processes())
    }

    fn failure(self, limit: Duration, is_over: bool, outage: Option<StoreError>) -> Error {
        let (place, error) = (&self.place, &self.present.error);
        if !self.present.is_known() {
            return Error::silence(INSTANCES, limit, error.clone().or(outage));
        }
        Error::fleet(FleetLag {
            name: place.name,
            place: place.entries.to_string(),
            revision: self.in_force.revision(),
            limit: is_over.then_some(limit),
            present: self.present.count(),
            lagging: self.lagging(),
            unreadable: self.in_force.unreadable(),
            error: error.clone(),
        })
    }
}
