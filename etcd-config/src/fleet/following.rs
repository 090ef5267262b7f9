//! A fleet as it is now, and as it changes: its instances, and who of them does not have what was written last.

use std::time::Duration;

use etcd_client_core::watcher::{self, Event, Watcher};
use etcd_client_core::{Change, Entry, Error as StoreError, Prefix};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Fleet;
use super::in_force::{Answers, InForce};
use super::instance::Instance;
use super::place::FleetPlace;
use super::present::Present;
use super::waiting::ASKED_AGAIN;
use crate::error::{Error, LaggingInstance};
use crate::runtime::deadline::runtime_deadline;
use crate::tree::directories::directories;

/// The longest that the store is asked who has what was written last, where the instances have not said it.
const ASKED_FOR: Duration = Duration::from_secs(3);
/// News of so long is one piece: a whole fleet writes at about the same time.
const GATHERED: Duration = Duration::from_millis(100);

/// A fleet, and who of it does not have what was written last.
#[derive(Clone, Debug)]
pub(crate) struct FleetView {
    /// Its revision is the one that is to be in force.
    pub(crate) fleet: Fleet,
    pub(crate) lagging: Vec<LaggingInstance>,
    /// Why the entries cannot be followed at the moment.
    pub(crate) error: Option<StoreError>,
}

impl FleetView {
    /// Reads it, on this runtime.
    pub(crate) async fn read(place: FleetPlace) -> Result<Self, Error> {
        let connections = place.connections_here();
        let prefix = place.plan.prefix.clone();
        let fleet = Fleet::read_async(place).await?;
        let mut in_force = InForce::new(prefix, fleet.revision());
        let deadline = runtime_deadline(ASKED_FOR);
        loop {
            let store = connections.store();
            let asked = timeout_at(deadline, in_force.ask(&*store, processes(&fleet))).await;
            let again = match asked {
                Ok(Answers::All) | Err(_) => break,
                Ok(Answers::Some) => Instant::now(),
                Ok(Answers::Silence) => Instant::now() + ASKED_AGAIN,
            };
            if again >= deadline {
                break;
            }
            sleep_until(again).await;
        }
        let lagging = in_force.lagging(processes(&fleet));
        Ok(Self { fleet, lagging, error: None })
    }
}

/// Without what no instance has written.
fn processes(fleet: &Fleet) -> impl Iterator<Item = &Instance> {
    fleet.instances().iter().filter(|instance| instance.is_process())
}

/// What has become of a view that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Heard,
    /// The one before is not looked at yet: this one is left out, and a newer one is told a little later.
    NotYet,
    /// Nobody listens any more.
    Over,
}

/// Follows the fleet and its configuration on this runtime, and tells what there is to be seen now, until it is heard no
/// more.
///
/// # Errors
/// The user may not read the entries, or the prefix.
pub(crate) async fn follow(place: FleetPlace, tell: impl Fn(FleetView) -> Told + Send) -> Result<(), Error> {
    let connections = place.connections_here();
    let store = connections.store();
    let all = watched(&place)?;
    let mut watcher = Watcher::new(connections.store(), all, watcher::Options::default());
    let prefix = place.plan.prefix.clone();
    let mut following =
        Following { present: Present::new(place.entries.clone()), place, in_force: InForce::new(prefix, 0) };
    let never = runtime_deadline(Duration::MAX);
    let (mut ask_at, mut tell_at) = (never, never);
    loop {
        match timeout_at(ask_at.min(tell_at), watcher.next()).await {
            Ok(event) => {
                if following.take(&event)? {
                    (ask_at, tell_at) = (Instant::now(), tell_at.min(Instant::now() + GATHERED));
                }
            }
            Err(_) if Instant::now() >= tell_at => {
                tell_at = match tell(following.view()) {
                    Told::Heard => never,
                    Told::NotYet => Instant::now() + GATHERED,
                    Told::Over => return Ok(()),
                };
            }
            Err(_) => {
                let Following { present, in_force, .. } = &mut following;
                let asked =
                    timeout_at(runtime_deadline(ASKED_FOR), in_force.ask(&*store, present.processes())).await;
                ask_at = match asked.unwrap_or(Answers::Silence) {
                    Answers::All => never,
                    Answers::Some => Instant::now(),
                    Answers::Silence => Instant::now() + ASKED_AGAIN,
                };
                tell_at = tell_at.min(Instant::now() + GATHERED);
            }
        }
    }
}

/// The entries beside the configuration: so both are seen at one revision.
fn watched(place: &FleetPlace) -> Result<Prefix, Error> {
    let layers = directories(&place.plan.prefix).map(Prefix::new);
    let all = layers.chain([place.entries.clone()]);
    let joined = all.map(Ok).reduce(|all, next| all?.and(&next?));
    Ok(joined.unwrap_or_else(|| Ok(place.entries.clone()))?)
}

struct Following {
    place: FleetPlace,
    present: Present,
    in_force: InForce,
}

impl Following {
    /// Takes an event; whether there is something else to be seen.
    fn take(&mut self, event: &Event) -> Result<bool, Error> {
        let revision = self.written_by(event);
        let is_state = matches!(event, Event::State(_));
        let is_changed = self.present.take(event).map_err(|error| self.place.refused(error))?;
        if let Some(revision) = revision {
            self.in_force.turn_to(revision);
        }
        Ok((is_changed || is_state) && self.present.is_known())
    }

    /// The revision at which something of the configuration may have been written.
    fn written_by(&self, event: &Event) -> Option<u64> {
        match event {
            Event::Listed(listing) => Some(listing.revision),
            Event::Rewound { now, .. } => Some(*now),
            Event::Changed { batch, .. } => {
                let entries = self.place.entries.directory().as_bytes();
                let is_setting = batch.changes.iter().any(|change| match change {
                    Change::Put(Entry { key, .. }) | Change::Delete(key) | Change::DeleteBelow(key) => {
                        !key.starts_with(entries)
                    }
                });
                is_setting.then_some(batch.revision)
            }
            _ => None,
        }
    }

    fn view(&self) -> FleetView {
        let Self { place, present, in_force } = self;
        let instances: Vec<_> = present.all().cloned().collect();
        let lagging = in_force.lagging(present.processes());
        let fleet = Fleet::of_instances(place.clone(), in_force.revision(), instances);
        FleetView { fleet, lagging, error: present.error.clone() }
    }
}
