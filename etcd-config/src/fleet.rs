//! Which instances of a configuration there are, and how far each of them is.

#[cfg(feature = "cli")]
pub(crate) mod following;
mod in_force;
pub(crate) mod instance;
pub(crate) mod place;
pub(crate) mod present;
mod table;
pub(crate) mod verdict;
mod waiting;

use std::fmt;
use std::time::Duration;

use etcd_client_core::Printable;

use self::instance::Instance;
use self::place::FleetPlace;
use self::waiting::wait;
use crate::error::Error;
use crate::leaf::similar::distance;
use crate::reading::in_background;
use crate::runtime::caller::{refuse_to_wait, runtime};

/// How many names a message has.
const NAMED: usize = 5;

/// The instances of a configuration: the processes that watch it with [`Options::instance`](crate::Options::instance), as
/// they were when this was read. `Display` is a table; with the feature `serde` it is `Serialize`.
///
/// ```
/// # use std::time::Duration;
/// use etcd_config::{EtcdConfig, Fleet, MemoryStore};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     #[etcd(default = 10)]
///     workers: u32,
/// }
///
/// let store = MemoryStore::new();
/// let web = Settings::options().instance("web-1").instance_version("1.4").watch(&store)?;
///
/// // Somewhere else: whoever changes something waits until all have it.
/// let written = Settings::update(&store, |edit| Ok(edit.set_text("workers", "20")))?;
/// let fleet = Fleet::of::<Settings>(&store)?;
/// fleet.wait_for_revision(written.revision(), Duration::from_secs(10))?;
/// println!("{}", Fleet::of::<Settings>(&store)?);
///
/// // What does not fit is refused by all that run, and they say why.
/// let bad = store.put("/payments/workers", "many");
/// let error = fleet.wait_for_revision(bad, Duration::from_secs(10)).unwrap_err();
/// assert_eq!(error.lagging()[0].name, "web-1");
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[derive(Clone)]
pub struct Fleet {
    place: FleetPlace,
    revision: u64,
    instances: Vec<Instance>,
}

impl Fleet {
    /// Reads who is there.
    pub(crate) fn read(place: FleetPlace) -> Result<Self, Error> {
        let (read, _background) = in_background(Self::read_async(place))?;
        read
    }

    /// The same on this runtime.
    pub(crate) async fn read_async(place: FleetPlace) -> Result<Self, Error> {
        let listing = place.list().await?;
        let instances = listing.entries.iter().filter_map(|entry| Instance::of(&place.entries, entry));
        Ok(Self { revision: listing.revision, instances: instances.collect(), place })
    }

    /// Of what is known already.
    #[cfg(feature = "cli")]
    fn of_instances(place: FleetPlace, revision: u64, instances: Vec<Instance>) -> Self {
        Self { place, revision, instances }
    }

    /// Where its entries are.
    #[cfg(feature = "cli")]
    pub(crate) fn entries(&self) -> &etcd_client_core::Prefix {
        &self.place.entries
    }

    /// The instances, in the order of their names.
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// The instance of this name.
    ///
    /// # Errors
    /// It is not there; the message has the names that are like it. [`Error::is_invalid_option`] is true then.
    pub fn instance(&self, name: &str) -> Result<&Instance, Error> {
        let found = self.instances.iter().find(|instance| instance.name == name);
        found.ok_or_else(|| self.unknown(name))
    }

    /// The revision of the store at which this was read.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Waits until everything written up to this revision is in force for every instance that is listed, with nothing left
    /// that waits for a restart. For writes take the revision of [`Written`](crate::Written). Blocks.
    ///
    /// It watches the entries from now on; who was there when this `Fleet` was read does not matter. An instance that goes
    /// meanwhile, because it ends, or dies and its lease with it, is not waited for any longer; one that comes is.
    /// An instance that has lost the store goes with its lease as well, and is not waited for either. Where the store does
    /// not answer *here*, it is asked again within the limit.
    ///
    /// It fails before the limit where an instance refuses the revision, or refuses an earlier one and nothing of what it
    /// reads has changed since. That is so also where the instance will try again, because a resource could not be built. It
    /// fails as well where an entry is of a newer version of this crate, which this program cannot read. In both cases the
    /// others are given a moment to answer. A key that no instance has written is shown by the `Fleet`, and
    /// not waited for. While no instance is listed it waits for one to come, so that a wrong prefix is no success.
    ///
    /// # Errors
    /// - Not everyone has it within the limit, or somebody refuses it: [`Error::lagging`] is who, and why.
    ///   [`Error::is_timeout`] is true if the limit has passed.
    /// - Nobody is there, or the store does not answer within the limit ([`Error::is_timeout`]).
    /// - The user may not read the entries ([`Error::is_access`]).
    pub fn wait_for_revision(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        let (outcome, _background) = in_background(wait(self.place.clone(), revision, limit))?;
        outcome
    }

    /// The same for a task, on a tokio runtime. Cancel safe: it only looks. The limit is by the runtime's clock.
    ///
    /// # Errors
    /// As [`wait_for_revision`](Self::wait_for_revision), and that there is no runtime.
    pub async fn wait_for_revision_async(&self, revision: u64, limit: Duration) -> Result<(), Error> {
        refuse_to_wait()?;
        runtime()?;
        wait(self.place.clone(), revision, limit).await
    }

    fn unknown(&self, name: &str) -> Error {
        let mut near: Vec<(usize, &str)> = self
            .instances
            .iter()
            .filter_map(|instance| Some((distance(name, &instance.name)?, instance.name.as_str())))
            .collect();
        near.sort_unstable();
        let shown = |names: &[&str]| {
            let shown: Vec<String> =
                names.iter().take(NAMED).map(|name| Printable::line(name).to_string()).collect();
            let more = if names.len() > NAMED { ", ..." } else { "" };
            format!("{}{more}", shown.join(", "))
        };
        let near: Vec<&str> = near.into_iter().map(|(_, name)| name).collect();
        let all: Vec<&str> = self.instances.iter().map(|instance| instance.name.as_str()).collect();
        let hint = match (&near[..], &all[..]) {
            (_, []) => "nobody is there".to_owned(),
            ([], all) => format!("there is {}", shown(all)),
            (near, _) => format!("did you mean {}?", shown(near)),
        };
        let FleetPlace { entries, name: of, .. } = &self.place;
        let shown = Printable::line(name);
        Error::option(format!("there is no instance {shown} of {of} below {entries}: {hint}"))
    }
}

impl fmt::Display for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.instances.is_empty() {
            let FleetPlace { entries, name, .. } = &self.place;
            return write!(f, "no instance of {name} is listed below {entries}");
        }
        table::write(f, &self.instances)
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, revision, instances } = self;
        f.debug_struct("Fleet")
            .field("place", &place.entries)
            .field("revision", revision)
            .field("instances", instances)
            .finish()
    }
}
