//! Changes of one layer that a higher one overrides: they are not in force here, and may be elsewhere.

use etcd_client_core::{Batch, Prefix};

use super::checked::checked;
use super::layer_edit::LayerEdit;
use super::planned::PlannedChange;
use crate::decode::{Derived, tree_of};
use crate::problem::{Kind, Problem};
use crate::reading::Reading;
use crate::tree::KeyTree;
use crate::tree::directories::directories;

/// Says of each change of a layer which key of a higher one is in force in its place. `whole` is what there would be.
pub(super) fn mark_overridden<T>(planned: &mut [PlannedChange], layer: &LayerEdit<T>, whole: &KeyTree) {
    for (path, text) in &layer.changes {
        let higher = whole.layers().iter().skip(layer.number + 1).rev();
        let by = higher.filter(|tree| tree.get(path).is_some()).map(|tree| tree.prefix().join(path)).next();
        let by = match by {
            None if text.is_some() && !whole.shows(layer.number, path) => Some(
                whole
                    .instead_of(layer.number, path)
                    .unwrap_or_else(|| "another name of the field".to_owned()),
            ),
            by => by,
        };
        let key = layer.tree.prefix().join(path);
        planned
            .iter_mut()
            .filter(|change| change.key == key)
            .for_each(|change| change.overridden.clone_from(&by));
    }
}

/// Everything that a reader of all layers would refuse; and of what is overridden, what a reader of the layers up to it
/// would.
pub(super) fn checked_in_layers<T: Derived>(
    whole: &KeyTree,
    layers: &[LayerEdit<T>],
    planned: &[PlannedChange],
    reading: &Reading,
    batch: &Batch,
) -> Result<(), Vec<Problem>> {
    for layer in layers {
        checked(whole, layer)?;
    }
    let mut problems = Vec::new();
    for layer in layers {
        let is_overridden = |problem: &Problem| {
            let mut own = planned.iter().filter(|change| change.overridden.is_some());
            own.any(|change| change.key == problem.key)
        };
        let Some(prefix) = up_to(reading.prefix(), layer.number) else { continue };
        let mut lower = tree_of::<T>(&prefix, &reading.listing);
        lower.apply(batch);
        // What only a higher layer has may be missing there.
        let found = checked(&lower, layer).err().unwrap_or_default();
        problems.extend(
            found.into_iter().filter(|problem| problem.kind != Kind::Missing && is_overridden(problem)),
        );
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The prefix with the layers up to this one; `None` for all of them.
fn up_to(prefix: &Prefix, number: usize) -> Option<Prefix> {
    let layers: Vec<Prefix> = directories(prefix).map(Prefix::new).collect();
    let (lowest, others) = layers.get(..=number).filter(|some| some.len() < layers.len())?.split_first()?;
    others.iter().try_fold(lowest.clone(), |joined, layer| joined.and(layer).ok())
}
