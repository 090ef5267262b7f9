//! Whether every reader will take over what an edit would write, and read it as it was set.

use etcd_client_core::{Batch, Prefix};

use super::layer_edit::{LayerEdit, Proof};
use super::planned::PlannedChange;
use crate::decode::{Derived, tree_of};
use crate::leaf::is_same_value;
use crate::problem::{Kind, Problem};
use crate::reading::{Decoded, Reading, decode_all};
use crate::runtime::panics;
use crate::tree::KeyTree;
use crate::tree::directories::directories;

/// Everything that a reader of this tree would refuse, and values of a layer in it that are not read as they were set.
pub(super) fn checked<T: Derived>(whole: &KeyTree, layer: &LayerEdit<T>) -> Result<(), Vec<Problem>> {
    let LayerEdit { tree, changes, proofs, .. } = layer;
    let Decoded { value: config, is_by_keys } = decode_all::<T>(whole)?;
    let counts = |proof: &&Proof<T>| match changes.get(&proof.path) {
        Some(text) => text.as_deref() == Some(proof.text.as_bytes()),
        None => tree.get(&proof.path).is_some_and(|text| text == proof.text.as_bytes()),
    };
    let effective = whole.effective();
    let misread: Vec<Problem> = proofs
        .iter()
        .filter(|proof| is_by_keys && counts(proof) && effective.is_in_force(layer.number, &proof.path))
        .filter(|proof| !is_proven(proof, &config))
        .map(|proof| {
            let what = "what is read from the text of the value is another value: the field is read in a way of its \
                        own; use `set_with` and the module of its `with`, or `set_text`";
            let problem = Problem::of_key(Kind::Undecodable, tree.prefix().join(&proof.path), what);
            Problem { field: proof.field.clone(), ..problem }
        })
        .collect();
    panics::drop_caught(config);
    if misread.is_empty() { Ok(()) } else { Err(misread) }
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

fn is_proven<T>(proof: &Proof<T>, config: &T) -> bool {
    // Serializing is the user's code.
    match panics::caught(|| (proof.again)(config)) {
        Ok(Some(Ok(Some(text)))) => is_same_value(&text, &proof.text),
        Ok(Some(_)) | Err(_) => false,
        // The field is not read from there: a variable comes first.
        Ok(None) => true,
    }
}
