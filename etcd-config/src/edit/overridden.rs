//! Changes of one layer that a higher one overrides: they are not in force here, and may be elsewhere.

use super::layer_edit::LayerEdit;
use super::planned::PlannedChange;
use crate::tree::KeyTree;

/// Says of each change of a layer which key of a higher one is in force in its place. `whole` is what there would be;
/// what is planned is in the order of the keys.
pub(super) fn mark_overridden<T>(planned: &mut [PlannedChange], layer: &LayerEdit<T>, whole: &KeyTree) {
    let effective = whole.effective();
    for (path, text) in &layer.changes {
        let higher = whole.layers().iter().skip(layer.number + 1).rev();
        let by = higher.filter(|tree| tree.get(path).is_some()).map(|tree| tree.prefix().join(path)).next();
        let by = match by {
            None if text.is_some() && !effective.is_in_force(layer.number, path) => Some(
                whole
                    .instead_of(layer.number, path)
                    .unwrap_or_else(|| "another name of the field".to_owned()),
            ),
            by => by,
        };
        let key = layer.tree.prefix().join(path);
        if let Ok(place) = planned.binary_search_by(|change| change.key.cmp(&key)) {
            planned[place].overridden = by;
        }
    }
}
