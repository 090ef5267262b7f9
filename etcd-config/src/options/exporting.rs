//! Options as those of a single look at the whole configuration, which is written down.

use super::Options;
use super::into_store::IntoStore;
use crate::decode::Derived;
use crate::document::{Document, exported};
use crate::error::Error;
use crate::reading::Reading;
use crate::runtime::caller::runtime;

/// Writing down what is stored. Of the options the prefix, its placeholders and the start-up limit count; where there are
/// layers, [`in_layer`](Self::in_layer) says which one is written down.
impl<T: Derived> Options<T> {
    /// What is stored, as a document; also if it is not valid. Blocks.
    ///
    /// # Errors
    /// As [`edit`](Self::edit); and [`Error::is_invalid`] if what a field is read from is no text.
    pub fn export(self, store: impl IntoStore) -> Result<Document, Error> {
        exported::<T>(&Reading::blocking::<T>(self.read_plan(store)?, None)?)
    }

    /// The same for callers in a tokio runtime.
    ///
    /// # Errors
    /// As [`export`](Self::export), and that there is no runtime.
    pub fn export_async(
        self,
        store: impl IntoStore,
    ) -> impl Future<Output = Result<Document, Error>> + Send + 'static {
        let plan = self.read_plan(store);
        async move {
            let plan = plan?;
            runtime()?;
            exported::<T>(&Reading::new::<T>(plan, None).await?)
        }
    }

    /// What was stored at an earlier revision, as a document. Blocks.
    ///
    /// # Errors
    /// As [`export`](Self::export), and if the revision is compacted or still to come, or the store cannot read its past.
    pub fn export_at(self, store: impl IntoStore, revision: u64) -> Result<Document, Error> {
        exported::<T>(&Reading::blocking::<T>(self.read_plan(store)?, Some(revision))?)
    }

    /// The same for callers in a tokio runtime.
    ///
    /// # Errors
    /// As [`export_at`](Self::export_at), and that there is no runtime.
    pub fn export_at_async(
        self,
        store: impl IntoStore,
        revision: u64,
    ) -> impl Future<Output = Result<Document, Error>> + Send + 'static {
        let plan = self.read_plan(store);
        async move {
            let plan = plan?;
            runtime()?;
            exported::<T>(&Reading::new::<T>(plan, Some(revision)).await?)
        }
    }
}
