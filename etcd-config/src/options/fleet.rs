//! The calls that look at a fleet.

use std::future::Future;

use super::Options;
use super::into_store::IntoStore;
use crate::decode::Derived;
use crate::error::Error;
use crate::fleet::Fleet;
use crate::fleet::place::FleetPlace;
use crate::instance::fleet_of;
use crate::runtime::caller::runtime;

/// Looking at the fleet. Of the options the prefix, the layers, their placeholders and the start-up limit count: instances
/// of all layers are in the fleet of the lowest prefix. A layer whose placeholder has no value here, such as `{instance}`,
/// is left out: the instances say which layers they read.
impl<T: Derived> Options<T> {
    /// The instances that are there now. Blocks. [`Fleet`] has an example.
    ///
    /// # Errors
    /// As [`edit`](Self::edit); the store is asked for the keys beside the prefix, `/payments.fleet/`. A prefix that is the
    /// whole store has none ([`Error::is_invalid_option`]).
    pub fn fleet(self, store: impl IntoStore) -> Result<Fleet, Error> {
        Fleet::read(self.fleet_place(store)?)
    }

    /// The same for callers in a tokio runtime.
    ///
    /// # Errors
    /// As [`fleet`](Self::fleet), and that there is no runtime.
    pub fn fleet_async(
        self,
        store: impl IntoStore,
    ) -> impl Future<Output = Result<Fleet, Error>> + Send + 'static {
        let place = self.fleet_place(store);
        async move {
            let place = place?;
            runtime()?;
            Fleet::read_async(place).await
        }
    }

    pub(crate) fn fleet_place(self, store: impl IntoStore) -> Result<FleetPlace, Error> {
        let plan = self.common_read_plan(store)?;
        Ok(FleetPlace { entries: fleet_of(&plan.prefix)?, plan, name: T::LAYOUT.name })
    }
}

impl Fleet {
    /// The instances of a configuration that are there now; [`Options::fleet`] with the defaults. Blocks.
    ///
    /// # Errors
    /// As [`Options::fleet`].
    pub fn of<T: Derived>(store: impl IntoStore) -> Result<Self, Error> {
        Options::<T>::new().fleet(store)
    }

    /// The same for callers in a tokio runtime; [`Options::fleet_async`] with the defaults.
    ///
    /// # Errors
    /// As [`Options::fleet_async`].
    pub fn of_async<T: Derived>(
        store: impl IntoStore,
    ) -> impl Future<Output = Result<Self, Error>> + Send + 'static {
        Options::<T>::new().fleet_async(store)
    }
}
