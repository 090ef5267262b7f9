//! Whether every reader will take over what an edit would write, and read it as it was set.

use super::layer_edit::{LayerEdit, Proof};
use crate::decode::Derived;
use crate::leaf::is_same_value;
use crate::problem::{Kind, Problem};
use crate::reading::{Decoded, decode_all};
use crate::runtime::panics;
use crate::tree::KeyTree;

/// Everything that a reader of this tree would refuse, and values of a layer in it that are not read as they were set.
pub(super) fn checked<T: Derived>(whole: &KeyTree, layer: &LayerEdit<T>) -> Result<(), Vec<Problem>> {
    let LayerEdit { tree, changes, proofs, .. } = layer;
    let Decoded { value: config, is_by_keys } = decode_all::<T>(whole)?;
    let counts = |proof: &&Proof<T>| match changes.get(&proof.path) {
        Some(text) => text.as_deref() == Some(proof.text.as_bytes()),
        None => tree.get(&proof.path).is_some_and(|text| text == proof.text.as_bytes()),
    };
    let misread: Vec<Problem> = proofs
        .iter()
        .filter(|proof| is_by_keys && counts(proof) && whole.shows(layer.number, &proof.path))
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

fn is_proven<T>(proof: &Proof<T>, config: &T) -> bool {
    // Serializing is the user's code.
    match panics::caught(|| (proof.again)(config)) {
        Ok(Some(Ok(Some(text)))) => is_same_value(&text, &proof.text),
        Ok(Some(_)) | Err(_) => false,
        // The field is not read from there: a variable comes first.
        Ok(None) => true,
    }
}
