//! Several trees of keys, one over the other: the layers of a configuration, and what comes of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map};
use std::sync::Arc;

use bytes::Bytes;
use etcd_client_core::{Batch, Change, PackedListing, Prefix};

use super::composed::{Composed, composed, composed_field, directory, gather, own_names};
use super::directories::directories;
use super::field_names::{
    FieldName, FieldNames, Inner, NamedContent, NamedField, NamedStruct, join, rest_of,
};
use super::{KeyTree, NodeBuf, Raw, RawBuf, Replaced, as_path};

/// The layers, each as it is stored. The tree that has them shows what comes of them: of each path the value of the
/// highest layer that has it.
#[derive(Clone, Debug)]
pub(super) struct Layered {
    /// The lowest one first.
    pub(super) trees: Vec<KeyTree>,
    /// The fields that have several names, if any has.
    names: Option<Arc<FieldNames>>,
    /// Of what is not shown by its own path: that, by the one that is shown.
    renamed: BTreeMap<Box<str>, Box<str>>,
}

/// What a change of a key may make a difference to.
enum Reach<'n> {
    /// To this very path.
    Path,
    /// To what is shown of a field with several names.
    Field(FieldPlace<'n>),
    Everything,
}

/// A field with several names, of a struct that is in the directory `at` in all layers.
struct FieldPlace<'n> {
    at: String,
    field: &'n NamedField,
    /// The structs around it.
    chain: Vec<&'n NamedStruct>,
}

/// Such a field of which keys change.
struct ChangingField<'n> {
    place: FieldPlace<'n>,
    /// By which name each layer had it.
    before: Vec<Option<usize>>,
    /// The layers and paths that change.
    paths: Vec<(usize, String)>,
}

/// What a batch changes.
#[derive(Default)]
struct Changing<'n> {
    paths: BTreeSet<String>,
    fields: Vec<ChangingField<'n>>,
    everything: bool,
}

impl Layered {
    /// The layers of a listing, and the tree that shows them.
    pub(super) fn load(prefix: &Prefix, listing: &Arc<PackedListing>) -> (Self, NodeBuf) {
        let layers = directories(prefix).zip(0_u8..);
        let trees: Vec<KeyTree> = layers
            .map(|(directory, number)| {
                KeyTree::of_layer(prefix.clone(), Prefix::new(directory), number, listing)
            })
            .collect();
        let mut shown = NodeBuf::default();
        trees.iter().for_each(|tree| shown.merge(tree.root.clone()));
        (Self { trees, names: None, renamed: BTreeMap::new() }, shown)
    }

    /// The same for a configuration with fields that have several names.
    pub(super) fn resolve(&mut self, names: FieldNames, shown: &mut KeyTree) {
        let names = Arc::new(names);
        self.names = Some(Arc::clone(&names));
        self.show(composed(&self.trees, &names.top), &[String::new()], shown, &mut Replaced::default());
    }

    /// Applies a batch to the layers, and to the tree that shows them. Returns the values that are shown no more.
    pub(super) fn apply(&mut self, batch: &Batch, shown: &mut KeyTree) -> Replaced {
        let names = self.names.clone();
        let changing = self.changing(batch, names.as_deref());
        let mut replaced = Replaced::default();
        for change in &batch.changes {
            self.apply_stray(change, shown, &mut replaced);
        }
        let of_layers = self.trees.iter_mut().map(|tree| tree.apply(batch)).collect();
        if changing.everything {
            if let Some(names) = &names {
                self.show(composed(&self.trees, &names.top), &[String::new()], shown, &mut replaced);
            }
        } else {
            for path in &changing.paths {
                self.renamed.remove(path.as_str());
                let highest = self.trees.iter().rev().find_map(|tree| tree.raw(path)).map(Raw::to_buf);
                shown.set(path, highest, &mut replaced);
            }
            for field in changing.fields {
                self.settle(field, shown, &mut replaced);
            }
        }
        replaced.with_layers(of_layers)
    }

    /// The path in its layer of what is shown at this one.
    pub(super) fn real_path<'p>(&'p self, path: &'p str) -> &'p str {
        self.renamed.get(path).map_or(path, AsRef::as_ref)
    }

    /// Whether the value at a path of a layer is what is shown at `at`.
    pub(super) fn is_shown_at(&self, at: &str, layer: usize, path: &str, shown: &KeyTree) -> bool {
        shown.raw(at).is_some_and(|raw| raw.layer() == layer) && self.real_path(at) == path
    }

    /// Where something is shown that has another path in its layer, by that.
    pub(super) fn shown_by_path(&self) -> HashMap<&str, Vec<&str>> {
        let mut by_path: HashMap<&str, Vec<&str>> = HashMap::new();
        for (at, path) in &self.renamed {
            by_path.entry(path).or_default().push(at);
        }
        by_path
    }

    /// The whole key of a field with several names that the highest layer has in the place of that of a lower one.
    pub(super) fn instead_of(&self, layer: usize, path: &str) -> Option<String> {
        let Reach::Field(FieldPlace { at, field, .. }) = reach(self.names.as_deref()?, path) else {
            return None;
        };
        let own = own_names(&self.trees, field, &at);
        let place = |own: usize| field.names[own].path(&at);
        let rest = rest_of(path, &place((*own.get(layer)?)?))?;
        let (tree, name) = self.trees.iter().zip(&own).rev().find_map(|(tree, own)| Some((tree, (*own)?)))?;
        Some(tree.prefix.join(&(place(name) + rest)))
    }

    /// What the layers below this one have at a path at which one of its values is shown, the highest first.
    pub(super) fn overridden(&self, layer: usize, path: &str) -> Vec<(String, Raw<'_>)> {
        let lower = self.trees.get(..layer).unwrap_or_default();
        let place = match self.names.as_deref().map(|names| reach(names, path)) {
            Some(Reach::Field(place)) => Some(place),
            _ => None,
        };
        // Each layer has the field under a name of its own.
        let real: Vec<Option<String>> = match place {
            None => vec![Some(path.to_owned()); lower.len()],
            Some(FieldPlace { at, field, .. }) => {
                let own = own_names(&self.trees, field, &at);
                let name = |own: usize| field.names[own].path(&at);
                let rest = own.iter().rev().flatten().find_map(|own| rest_of(path, &name(*own)));
                let rest = rest.unwrap_or_default();
                own.into_iter().take(lower.len()).map(|own| Some(name(own?) + rest)).collect()
            }
        };
        let found = lower.iter().zip(real).rev();
        found
            .filter_map(|(tree, real)| {
                let real = real?;
                Some((tree.prefix.join(&real), tree.raw(&real)?))
            })
            .collect()
    }

    /// Finds out what a batch makes a difference to, before it is applied.
    fn changing<'n>(&self, batch: &Batch, names: Option<&'n FieldNames>) -> Changing<'n> {
        let mut changing = Changing::default();
        let mut places: HashMap<(*const NamedField, String), usize> = HashMap::new();
        let mut note = |layer: usize, path: &str| match names.map_or(Reach::Path, |names| reach(names, path))
        {
            Reach::Path => drop(changing.paths.insert(path.to_owned())),
            Reach::Everything => changing.everything = true,
            Reach::Field(place) => {
                let path = (layer, path.to_owned());
                match places.entry((std::ptr::from_ref(place.field), place.at.clone())) {
                    hash_map::Entry::Occupied(known) => changing.fields[*known.get()].paths.push(path),
                    hash_map::Entry::Vacant(new) => {
                        new.insert(changing.fields.len());
                        let before = own_names(&self.trees, place.field, &place.at);
                        changing.fields.push(ChangingField { place, before, paths: vec![path] });
                    }
                }
            }
        };
        for change in &batch.changes {
            match change {
                Change::Put(etcd_client_core::Entry { key, .. }) | Change::Delete(key) => {
                    if let Some((layer, path)) = self.path_of(key) {
                        note(layer, path);
                    }
                }
                Change::DeleteBelow(start) => {
                    for key in self.trees.iter().flat_map(|tree| tree.keys_below(start)) {
                        if let Some((layer, path)) = self.path_of(&key) {
                            note(layer, path);
                        }
                    }
                }
            }
        }
        changing
    }

    fn path_of<'k>(&self, key: &'k Bytes) -> Option<(usize, &'k str)> {
        let relative = |tree: &KeyTree| tree.prefix.relative(key);
        let (layer, relative) =
            self.trees.iter().enumerate().find_map(|(layer, tree)| Some((layer, relative(tree)?)))?;
        Some((layer, as_path(relative)?))
    }

    /// Keys that are no path are shown as they are.
    fn apply_stray(&self, change: &Change, shown: &mut KeyTree, replaced: &mut Replaced) {
        let is_stray = |tree: &&KeyTree, key: &Bytes| {
            tree.prefix.relative(key).is_some_and(|relative| as_path(relative).is_none())
        };
        match change {
            Change::Put(entry) => {
                if let Some(tree) = self.trees.iter().find(|tree| is_stray(tree, &entry.key)) {
                    shown.put_stray(entry.key.clone(), RawBuf::of(entry, tree.layer), replaced);
                }
            }
            Change::Delete(key) => shown.delete_stray(key, replaced),
            Change::DeleteBelow(start) => {
                let gone: Vec<Bytes> =
                    shown.strays.keys().filter(|key| key.starts_with(start)).cloned().collect();
                gone.iter().for_each(|key| shown.delete_stray(key, replaced));
            }
        }
    }

    /// Shows a field with several names as it is now.
    fn settle(&mut self, changing: ChangingField<'_>, shown: &mut KeyTree, replaced: &mut Replaced) {
        let ChangingField { place: FieldPlace { at, field, chain }, before, paths } = changing;
        let is_plain = matches!(field.content.inner, Inner::Nothing) && !field.content.presence.has_key();
        let now = own_names(&self.trees, field, &at);
        let Some(highest) = now.iter().rev().copied().flatten().next().filter(|_| is_plain && now == before)
        else {
            let names: Vec<String> = field.names.iter().map(|name| name.path(&at)).collect();
            return self.show_field(
                composed_field(&self.trees, field, chain, &at),
                &names,
                field,
                shown,
                replaced,
            );
        };
        // A directory of keys under the same names as before: only these keys differ.
        let place = |own: usize| field.names[own].path(&at);
        for (layer, path) in paths {
            let Some(rest) = now[layer].and_then(|own| rest_of(&path, &place(own)).map(str::to_owned)) else {
                continue;
            };
            let layers = self.trees.iter().zip(&now).rev();
            let found = layers.filter_map(|(tree, own)| Some((tree, place((*own)?) + &rest)));
            let found = found.into_iter().find_map(|(tree, real)| Some((tree.raw(&real)?.to_buf(), real)));
            let path = place(highest) + &rest;
            self.renamed.remove(path.as_str());
            if let Some((_, real)) = found.as_ref().filter(|(_, real)| *real != path) {
                self.renamed.insert(path.as_str().into(), real.as_str().into());
            }
            shown.set(&path, found.map(|(raw, _)| raw), replaced);
        }
    }

    /// Shows what has been composed of a field in the places of all its names.
    fn show_field(
        &mut self,
        composed: Composed,
        names: &[String],
        field: &NamedField,
        shown: &mut KeyTree,
        replaced: &mut Replaced,
    ) {
        let presence = field.content.presence;
        let mut old = Vec::new();
        for name in names {
            let Some(node) = shown.root().descend(name) else { continue };
            if presence.has_key() && node.value.is_some() {
                old.push(name.clone());
            }
            if presence.has_directory() {
                node.paths(&mut directory(name), &mut old);
            }
        }
        self.replace(composed, old, shown, replaced);
    }

    /// Shows what has been composed of everything in these directories.
    fn show(&mut self, composed: Composed, within: &[String], shown: &mut KeyTree, replaced: &mut Replaced) {
        let mut old = Vec::new();
        for path in within {
            if let Some(node) = shown.root().descend(path) {
                node.paths(&mut directory(path), &mut old);
            }
        }
        self.replace(composed, old, shown, replaced);
    }

    fn replace(
        &mut self,
        composed: Composed,
        old: Vec<String>,
        shown: &mut KeyTree,
        replaced: &mut Replaced,
    ) {
        for path in old {
            if !composed.contains_key(&path) {
                self.renamed.remove(path.as_str());
                shown.set(&path, None, replaced);
            }
        }
        for (path, what) in composed {
            match what.real {
                Some(real) => drop(self.renamed.insert(path.as_str().into(), real)),
                None => drop(self.renamed.remove(path.as_str())),
            }
            shown.set(&path, Some(what.raw), replaced);
        }
    }
}

/// What the change of a path makes a difference to.
fn reach<'n>(names: &'n FieldNames, path: &str) -> Reach<'n> {
    if names.tangled {
        return Reach::Everything;
    }
    in_struct(&[&names.top], "", path).map_or(Reach::Path, Reach::Field)
}

/// The outermost field with several names that a path below the directory of a struct belongs to.
fn in_struct<'n>(chain: &[&'n NamedStruct], at: &str, path: &str) -> Option<FieldPlace<'n>> {
    let mut fields = Vec::new();
    gather(chain, &mut fields);
    for (chain, field) in fields {
        for name in &field.names {
            // Where there are absolute names, everything is composed anew.
            let FieldName::Relative(name) = name else { continue };
            let Some(rest) = (if name.is_empty() { Some(path) } else { rest_of(path, name) }) else {
                continue;
            };
            let presence = field.content.presence;
            let is_its = if rest.is_empty() { presence.has_key() } else { presence.has_directory() };
            if field.names.len() > 1 {
                if is_its {
                    return Some(FieldPlace { at: at.to_owned(), field, chain });
                }
            } else if let Some(below) = if name.is_empty() { Some(path) } else { rest.strip_prefix('/') }
                && let Some(found) = in_content(&chain, &field.content, &join(at, name), below)
            {
                return Some(found);
            }
        }
    }
    None
}

fn in_content<'n>(
    chain: &[&'n NamedStruct],
    content: &'n NamedContent,
    at: &str,
    path: &str,
) -> Option<FieldPlace<'n>> {
    match &content.inner {
        Inner::Nothing => None,
        Inner::Struct(inner) => in_struct(&[chain, &[inner]].concat(), at, path),
        Inner::Entries(entry) => {
            let (name, path) = path.split_once('/')?;
            if name.is_empty() { None } else { in_content(chain, entry, &join(at, name), path) }
        }
        Inner::Above(levels) => {
            let above = chain.len().checked_sub(levels + 1).and_then(|at| chain.get(at))?;
            in_struct(&[chain, &[above]].concat(), at, path)
        }
    }
}
