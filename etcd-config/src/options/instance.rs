//! Options of a process that is to be listed in the fleet.

use std::time::Duration;

use etcd_client_core::Prefix;

use super::Options;
use crate::decode::Derived;
use crate::error::Error;
use crate::instance::{InstancePlan, fleet_of, name};
use crate::tree::directories::layer_paths;

/// The shortest lease: servers grant no shorter one.
const SHORTEST_LEASE: Duration = Duration::from_secs(2);
/// Longer ones are this one.
const LONGEST_SPREAD: Duration = Duration::from_secs(86_400);

/// Being listed in the fleet. It counts for [`watch`](Self::watch) and [`watch_async`](Self::watch_async) only.
impl<T: Derived> Options<T> {
    /// Lists this process in the fleet under a name, so that [`Fleet`](crate::Fleet) shows who has which revision in
    /// force, and waits for all. A name is one name of a key: not empty, at most 128 bytes, no slash and no control
    /// characters. By default the process is not listed.
    ///
    /// The entry is a key beside the prefix, `/payments.fleet/web-1` for the prefix `/payments`: the version of the
    /// program, the revision in force, the one that is refused and why, fields that wait for a restart, the state of the
    /// connection. There are no secrets in it, but the words of a refusal quote other values, so let nobody read
    /// there who may not read the prefix. The user needs a role that may read and write all of `/payments.fleet/`.
    ///
    /// The name is also what `{instance}` stands for in the prefix and the [layers](Self::layer).
    ///
    /// It is under a lease: it goes at once with [`close`](crate::Live::close) or the last handle, and within the
    /// [time of the lease](Self::instance_lease) when the process dies. It is written when it changes, a moment
    /// [later](Self::instance_spread), by the thread or the runtime that follows the store, and never delays an update or
    /// fails a start: where it cannot be written (no permission, no quorum, no space left, etcd's v2 API) that is one of
    /// the [`Status::warnings`](crate::Status::warnings), and it is tried again, ever more seldom, at least every eight
    /// minutes.
    ///
    /// A process that is listed and has a highest [layer](Self::layer) of its own may have a change before the others do:
    /// [`Rollout`](crate::Rollout).
    ///
    /// If the name is taken, the first who has it keeps it. This process is `web-1~2` then, or `web-1~3` and so on, says
    /// so in a warning, and tries for its own name again: after one lease time, then ever more seldom, at least every 13
    /// minutes. That happens for a while when a process has died, and so has not given its name back, and is started again.
    /// [`Status::instance`](crate::Status::instance) is the name that it has.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, Fleet, MemoryStore};
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments")]
    /// struct Settings {
    ///     #[etcd(default = 10)]
    ///     workers: u32,
    /// }
    ///
    /// let store = MemoryStore::new();
    /// let settings = Settings::options()
    ///     .instance("web-1")
    ///     .instance_version(env!("CARGO_PKG_VERSION"))
    ///     .watch(&store)?;
    /// let written = Settings::update(&store, |edit| Ok(edit.set_text("workers", "20")))?;
    /// Fleet::of::<Settings>(&store)?.wait_for_revision(written.revision(), Duration::from_secs(10))?;
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        self.instance = Some(name.into());
        self
    }

    /// Lists this process in the fleet under the name of its machine and its number there, such as `db7-4711`; see
    /// [`instance`](Self::instance). For programs whose instances have no names of their own.
    pub fn instance_of_this_process(self) -> Self {
        self.instance(name::of_this_process())
    }

    /// The version of the program, for the fleet to see: `env!("CARGO_PKG_VERSION")`, or the hash of a commit. Without an
    /// [`instance`](Self::instance) this means nothing.
    pub fn instance_version(mut self, version: impl Into<String>) -> Self {
        self.instance_version = Some(version.into());
        self
    }

    /// How long the entry in the fleet stays when the process dies, or loses the store. 15 s, at least 2 s. The server is
    /// asked to keep it three times in this time: one small request for each instance, and no write.
    pub fn instance_lease(mut self, lease: Duration) -> Self {
        self.instance_lease = lease;
        self
    }

    /// Over which time the instances of a fleet spread their writes when all see the same change, and the least from one
    /// write of an instance to its next. 1 s. An instance writes within so long of a change, or within twice that if it
    /// has just written; a fleet writes about as often in a second as it has instances, divided by the seconds of this. Make
    /// it longer for thousands of instances; zero writes at once.
    pub fn instance_spread(mut self, spread: Duration) -> Self {
        self.instance_spread = spread;
        self
    }

    /// What is to be listed, if anything.
    pub(super) fn instance_plan(&self, prefix: &Prefix) -> Result<Option<Box<InstancePlan>>, Error> {
        let Some(name) = &self.instance else { return Ok(None) };
        name::check(name)?;
        if self.instance_lease < SHORTEST_LEASE {
            return Err(Error::option(format!(
                "instance_lease is {:?}: no server grants less than {SHORTEST_LEASE:?}",
                self.instance_lease
            )));
        }
        let (name, version) = (name.clone(), self.instance_version.clone());
        let (lease, spread) = (self.instance_lease, self.instance_spread.min(LONGEST_SPREAD));
        let layers = layer_paths(prefix);
        Ok(Some(Box::new(InstancePlan { name, place: fleet_of(prefix)?, layers, version, lease, spread })))
    }
}
