//! The calls that look for rollouts.

use super::Options;
use super::into_store::IntoStore;
use crate::decode::Derived;
use crate::error::Error;
use crate::rollout::staged::Rollouts;
use crate::rollout::view::RolloutPlace;
use crate::runtime::caller::runtime;

/// Looking for rollouts. Of the options the prefix, its placeholders and the start-up limit count; a layer whose placeholder
/// has no value here, such as `{instance}`, is left out: a rollout says which layers it is in.
impl<T: Derived> Options<T> {
    /// The rollouts that have begun and not ended. Blocks. [`Rollouts`] has an example, [`Rollout`](crate::Rollout)
    /// what they are.
    ///
    /// # Errors
    /// As [`edit`](Self::edit); the store is asked for the keys beside the prefix, `/payments.rollout/`. A prefix that is
    /// the whole store has none ([`Error::is_invalid_option`]).
    pub fn rollouts(self, store: impl IntoStore) -> Result<Rollouts<T>, Error> {
        Rollouts::read_blocking(RolloutPlace::new(self.common_read_plan(store)?, T::LAYOUT.name)?)
    }

    /// The same for callers in a tokio runtime.
    ///
    /// # Errors
    /// As [`rollouts`](Self::rollouts), and that there is no runtime.
    pub fn rollouts_async(
        self,
        store: impl IntoStore,
    ) -> impl Future<Output = Result<Rollouts<T>, Error>> + Send + 'static {
        let place = self.common_read_plan(store).and_then(|plan| RolloutPlace::new(plan, T::LAYOUT.name));
        async move {
            let place = place?;
            runtime()?;
            Rollouts::read(place).await
        }
    }
}
