//! Options as those of a single look or change: of the whole prefix at one revision, without following it.

use super::Options;
use super::into_store::IntoStore;
use crate::check::Check;
use crate::decode::Derived;
use crate::edit::commit::Written;
use crate::edit::update;
use crate::edit::{Edit, layer_number};
use crate::error::Error;
use crate::explain::Explanation;
use crate::reading::{ReadPlan, Reading};
use crate::runtime::caller::runtime;

/// Changing and checking what is stored. Of the options the prefix, the layers, their placeholders and the start-up limit
/// count.
impl<T: Derived> Options<T> {
    /// Which of the [layers](Self::layer) is edited, and written down by [`export`](Self::export): the one with this
    /// prefix, which may have the `{placeholders}` of the configuration. Without it the lowest one, which is the prefix.
    /// Watching and checking concern all of them, as ever.
    ///
    /// ```
    /// use etcd_config::{EtcdConfig, MemoryStore, field};
    ///
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments", layers("/payments@{zone}"))]
    /// struct Settings {
    ///     workers: u32,
    /// }
    ///
    /// let store = MemoryStore::from([("/payments/workers", "12")]);
    /// let options = Settings::options().placeholder("zone", "eu-1");
    /// let edit = options.clone().in_layer("/payments@{zone}").edit(&store)?;
    /// edit.set(field!(Settings.workers), &20)?.plan()?.commit()?;
    /// assert_eq!(store.get("/payments@eu-1/workers").as_deref(), Some(&b"20"[..]));
    /// assert_eq!(options.load_once(&store)?.workers, 20);
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn in_layer(mut self, prefix: impl Into<String>) -> Self {
        self.in_layer = Some(prefix.into());
        self
    }

    /// Reads the prefix at one revision, to decide on changes. Blocks.
    ///
    /// # Errors
    /// As [`watch`](Self::watch), except that the keys need not be valid: an edit may be what corrects them.
    pub fn edit(self, store: impl IntoStore) -> Result<Edit<T>, Error> {
        Ok(Edit::new(Reading::blocking::<T>(self.read_plan(store)?, None)?))
    }

    /// The same for callers in a tokio runtime.
    ///
    /// # Errors
    /// As [`edit`](Self::edit), and that there is no runtime.
    pub fn edit_async(
        self,
        store: impl IntoStore,
    ) -> impl Future<Output = Result<Edit<T>, Error>> + Send + 'static {
        let plan = self.read_plan(store);
        async move {
            let plan = plan?;
            runtime()?;
            Ok(Edit::new(Reading::new::<T>(plan, None).await?))
        }
    }

    /// Edits, and where somebody else was first reads again and decides again: for 30 s at most, with pauses of random
    /// lengths. Blocks.
    ///
    /// # Errors
    /// As [`edit`](Self::edit), [`Edit::plan`](crate::Edit::plan) and [`Plan::commit`](crate::Plan::commit); and
    /// whatever `decide` answers.
    pub fn update(
        self,
        store: impl IntoStore,
        decide: impl FnMut(Edit<T>) -> Result<Edit<T>, Error>,
    ) -> Result<Written, Error> {
        update::update(&self.read_plan(store)?, decide)
    }

    /// The same for callers in a tokio runtime.
    ///
    /// # Errors
    /// As [`update`](Self::update), and that there is no runtime.
    pub fn update_async<D: FnMut(Edit<T>) -> Result<Edit<T>, Error> + Send + 'static>(
        self,
        store: impl IntoStore,
        decide: D,
    ) -> impl Future<Output = Result<Written, Error>> + Send + 'static {
        let plan = self.read_plan(store);
        async move { update::update_async(&plan?, decide).await }
    }

    /// What a start would say of the keys: all problems, and all warnings. Blocks.
    ///
    /// # Errors
    /// As [`edit`](Self::edit). Problems are no error: the [`Check`] has them.
    pub fn check_stored(self, store: impl IntoStore) -> Result<Check, Error> {
        Ok(Check::of::<T>(&Reading::blocking::<T>(self.read_plan(store)?, None)?))
    }

    /// The same for callers in a tokio runtime.
    ///
    /// # Errors
    /// As [`edit_async`](Self::edit_async).
    pub fn check_stored_async(
        self,
        store: impl IntoStore,
    ) -> impl Future<Output = Result<Check, Error>> + Send + 'static {
        let plan = self.read_plan(store);
        async move {
            let plan = plan?;
            runtime()?;
            Ok(Check::of::<T>(&Reading::new::<T>(plan, None).await?))
        }
    }

    /// What a start would have said of the keys as they were at an earlier revision. Blocks.
    ///
    /// # Errors
    /// As [`edit`](Self::edit), and if the revision is compacted or still to come, or the store cannot read its past.
    pub fn check_stored_at(self, store: impl IntoStore, revision: u64) -> Result<Check, Error> {
        Ok(Check::of::<T>(&Reading::blocking::<T>(self.read_plan(store)?, Some(revision))?))
    }

    /// The same for callers in a tokio runtime.
    ///
    /// # Errors
    /// As [`check_stored_at`](Self::check_stored_at), and that there is no runtime.
    pub fn check_stored_at_async(
        self,
        store: impl IntoStore,
        revision: u64,
    ) -> impl Future<Output = Result<Check, Error>> + Send + 'static {
        let plan = self.read_plan(store);
        async move {
            let plan = plan?;
            runtime()?;
            Ok(Check::of::<T>(&Reading::new::<T>(plan, Some(revision)).await?))
        }
    }

    /// Where each value comes from, as it is stored now: as [`Live::explain`](crate::Live::explain), without a watch, and
    /// also of keys that are not valid. Blocks.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let store = MemoryStore::from([("/payments/workers", "many")]);
    /// let explanation = Settings::options().explain(&store)?;
    /// assert_eq!(explanation.rows()[0].value(), Some("many"));
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`edit`](Self::edit).
    pub fn explain(self, store: impl IntoStore) -> Result<Explanation, Error> {
        Ok(Reading::blocking::<T>(self.read_plan(store)?, None)?.explain::<T>())
    }

    /// The same for callers in a tokio runtime.
    ///
    /// # Errors
    /// As [`edit_async`](Self::edit_async).
    pub fn explain_async(
        self,
        store: impl IntoStore,
    ) -> impl Future<Output = Result<Explanation, Error>> + Send + 'static {
        let plan = self.read_plan(store);
        async move {
            let plan = plan?;
            runtime()?;
            Ok(Reading::new::<T>(plan, None).await?.explain::<T>())
        }
    }

    pub(crate) fn read_plan(self, store: impl IntoStore) -> Result<ReadPlan, Error> {
        let wanted = self.in_layer.as_deref().map(|layer| self.filled(layer, "layer")).transpose()?;
        let (store, plan) = self.prepare(store)?;
        let layer = wanted.map_or(Ok(0), |wanted| layer_number(&plan.prefix, &wanted))?;
        Ok(ReadPlan { store, prefix: plan.prefix, layer, limit: plan.startup_timeout })
    }

    /// The same for what is the same for all instances; see [`common_prefix`](Self::common_prefix).
    pub(crate) fn common_read_plan(self, store: impl IntoStore) -> Result<ReadPlan, Error> {
        let prefix = self.common_prefix()?;
        let (store, plan) = self.prepare_in(prefix, store)?;
        Ok(ReadPlan { store, prefix: plan.prefix, layer: 0, limit: plan.startup_timeout })
    }
}
