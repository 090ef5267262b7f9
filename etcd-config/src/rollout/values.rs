//! What a rollout that has begun changes, with the values, which its record does not have: they are in its layers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::staged::StagedRollout;
use super::view::View;
use super::writes::below;
use crate::decode::{Derived, survey};
use crate::edit::described::Describer;
use crate::edit::planned::PlannedChange;
use crate::error::Error;
use crate::reading::in_background;
use crate::schema::Schema;

impl<T: Derived> StagedRollout<T> {
    /// What is below the prefix now, and what would be promoted, by paths and without secrets. A key that somebody has
    /// changed in one of the layers is left out.
    pub(crate) fn changes(&self) -> Result<BTreeMap<String, PlannedChange>, Error> {
        let Ok(record) = self.record() else { return Ok(BTreeMap::new()) };
        let place = self.place().clone();
        let prefix = place.with_layers(&record.layers)?;
        let listing = async move { place.plan.list_beside(&prefix, "values of a rollout", place.name).await };
        let view = View { listing: Arc::new(in_background(listing)?.0?) };
        let place = self.place();
        let schema = Schema::new(survey::<T>(), &place.plan.prefix);
        let describer = Describer::in_layer(&schema, &place.base, &place.plan.prefix);
        let changes = record.keys.iter().filter_map(|key| {
            let in_layer = |layer: &String| {
                view.get(&below(layer, &key.path)).filter(|entry| entry.revision == self.staged_at())
            };
            let in_layers = record.layers.iter().map(in_layer).collect::<Option<Vec<_>>>()?;
            let staged = in_layers.first()?;
            let old = view.get(&place.base.join(&key.path)).map(|entry| entry.value.as_ref());
            let change = describer.change(&key.path, old, Some(&staged.value), false);
            Some((key.path.clone(), change))
        });
        Ok(changes.collect())
    }
}
