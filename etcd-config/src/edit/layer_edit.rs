//! What an edit changes in one layer; of a configuration without layers everything.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use etcd_client_core::{Prefix, Printable};

use crate::decode::{Derived, survey};
use crate::error::Error;
use crate::leaf::NoText;
use crate::schema::Schema;
use crate::tree::KeyTree;
use crate::tree::directories::{all_paths, directories};

/// The changes of one layer.
pub(super) struct LayerEdit<T> {
    /// Which one it is; the lowest is 0.
    pub(super) number: usize,
    /// What it has.
    pub(super) tree: KeyTree,
    /// The fields below its prefix.
    pub(super) schema: Schema,
    /// By paths below the prefix: the new text, or `None` for a deletion.
    pub(super) changes: BTreeMap<String, Option<Bytes>>,
    /// Of these the text is one that was stored, or in a document: no person has just given it to be seen.
    pub(super) unseen: BTreeSet<String>,
    pub(super) proofs: Vec<Proof<T>>,
    /// Where texts come from, by their paths: what is said of one that is refused.
    pub(super) origins: BTreeMap<String, Origin>,
}

/// A text that was written down elsewhere, and where.
pub(super) struct Origin {
    pub(super) text: Option<Bytes>,
    pub(super) place: String,
}

/// How the text of a typed value is made.
pub(super) type Encode<T> = dyn Fn(&T) -> Option<Result<Option<String>, NoText>> + Send + Sync;

/// A value that was set by its type. Its text must be read as the same value: what is read from it, written again, must be
/// the same text.
pub(super) struct Proof<T> {
    pub(super) path: String,
    pub(super) field: String,
    pub(super) text: String,
    /// The text of the value as it is read; `None` if it is not there.
    pub(super) again: Box<Encode<T>>,
}

impl<T: Derived> LayerEdit<T> {
    pub(super) fn new(number: usize, tree: KeyTree) -> Self {
        let schema = Schema::new(survey::<T>(), tree.base());
        Self {
            number,
            tree,
            schema,
            changes: BTreeMap::new(),
            unseen: BTreeSet::new(),
            proofs: Vec::new(),
            origins: BTreeMap::new(),
        }
    }
}

/// Which of the layers has this prefix.
pub(crate) fn layer_number(prefix: &Prefix, layer: &str) -> Result<usize, Error> {
    let wanted = Prefix::new(layer);
    let number = directories(prefix).position(|directory| directory == wanted.directory());
    number.ok_or_else(|| {
        let layer = Printable::line(layer);
        Error::option(format!(
            "{layer} is none of the layers of the configuration, which are: {}",
            all_paths(prefix)
        ))
    })
}
