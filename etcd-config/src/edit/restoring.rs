//! The difference back to what the prefix was at an earlier revision.

use std::collections::BTreeSet;

use etcd_client_core::Listing;

use super::Edit;
use super::layer_edit::LayerEdit;
use crate::decode::{Derived, tree_of};
use crate::error::Error;
use crate::reading::in_background;
use crate::runtime::caller::runtime;
use crate::tree::KeyTree;

impl<T: Derived> Edit<T> {
    /// Makes everything below the prefix what it was at an earlier revision, deletions included: undo. Blocks; nothing is
    /// written before [`Plan::commit`](crate::Plan::commit), and what is set afterwards counts.
    ///
    /// That is all keys, also those that no field reads: they were part of that state, and of the state that the checks
    /// are made on. Of a configuration with layers that is all of them, whichever is edited. The [plan](crate::Plan) has each
    /// as a change. What this program's struct refuses today is a problem
    /// of the plan, as of any edit. Keys that are no text, or have more than 64 names, are left as they are, as no field can
    /// read them. A key that was deleted with its lease comes back without one.
    ///
    /// A commit key gets the value that it had, and is written last, as by any edit; where there was none, the present
    /// one is written again. Which revisions were committed, [`Step::is_committed`](crate::HistoryStep::is_committed) says.
    ///
    /// ```
    /// use etcd_config::{EtcdConfig, MemoryStore};
    ///
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments")]
    /// struct Settings {
    ///     #[etcd(default = 10)]
    ///     workers: u32,
    /// }
    ///
    /// let store = MemoryStore::from([("/payments/workers", "20")]);
    /// let good = store.revision();
    /// store.put("/payments/workers", "3");
    ///
    /// let plan = Settings::edit(&store)?.restore(good)?.plan()?;
    /// assert_eq!((plan.changes()[0].old(), plan.changes()[0].new()), (Some("3"), Some("20")));
    /// plan.commit()?;
    /// assert_eq!(Settings::load_once(&store)?.workers, 20);
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// - The revision is compacted, or the store cannot read its past, as over etcd's v2 API.
    /// - [`Error::is_invalid_option`]: it is later than the revision that this edit has read.
    pub fn restore(self, revision: u64) -> Result<Self, Error> {
        self.refuse_later(revision)?;
        let reading = self.reading.clone();
        let (past, _background) = in_background(async move { reading.at::<T>(revision).await })?;
        Ok(self.back_to(&past?))
    }

    /// The same for callers in a tokio runtime.
    ///
    /// # Errors
    /// As [`restore`](Self::restore), and that there is no runtime.
    pub async fn restore_async(self, revision: u64) -> Result<Self, Error> {
        runtime()?;
        self.refuse_later(revision)?;
        let past = self.reading.at::<T>(revision).await?;
        Ok(self.back_to(&past))
    }

    fn refuse_later(&self, revision: u64) -> Result<(), Error> {
        let (name, prefix, read) = (T::LAYOUT.name, self.reading.prefix(), self.revision());
        if revision <= read {
            return Ok(());
        }
        Err(Error::option(format!(
            "{name} below {prefix} cannot be what it was at revision {revision}: this edit has read revision {read}, and \
             that one is later; take an earlier one"
        )))
    }

    fn back_to(mut self, past: &Listing) -> Self {
        let past = tree_of::<T>(self.reading.prefix(), past);
        let here = self.here.number;
        let mut layers: Vec<usize> = (0..past.layers().len().max(1)).collect();
        // The one at hand stays at hand.
        layers.retain(|layer| *layer != here);
        for layer in layers.into_iter().chain([here]) {
            self = self.at_layer(layer);
            self.here.back_to(past.layer(layer));
        }
        self
    }
}

impl<T> LayerEdit<T> {
    fn back_to(&mut self, past: &KeyTree) {
        let paths: BTreeSet<String> =
            self.tree.paths().chain(past.paths()).chain(self.changes.keys().cloned()).collect();
        for path in paths {
            let then = past.get(&path).cloned();
            if then.as_ref() != self.tree.get(&path) || self.changes.contains_key(&path) {
                self.unseen.insert(path.clone());
                self.changes.insert(path, then);
            }
        }
    }
}
