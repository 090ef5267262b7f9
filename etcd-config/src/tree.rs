//! The keys below a prefix, as the directories that they spell.

pub(crate) mod beside;
mod composed;
pub(crate) mod directories;
pub(crate) mod field_names;
mod layers;
mod load;
mod name;
mod node;
mod places;
mod raw;
mod replaced;
mod touched;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use etcd_client_core::{Batch, Change, Entry, Listing, PackedListing, Prefix};

use self::directories::is_layered;
use self::field_names::FieldNames;
use self::layers::Layered;
pub(crate) use self::node::{Children, Node, NodeBuf};
pub(crate) use self::places::Places;
pub(crate) use self::raw::{Raw, RawBuf};
pub use self::replaced::Replaced;
pub use self::touched::Touched;

/// The deepest key that is a path. Deeper ones cannot belong to any field; as paths they would
/// let whoever may write a key choose the depth of our recursion.
const DEEPEST: usize = 64;

/// Everything below a prefix, at one revision. Of several directories, which are layers, it is the effective tree: at each
/// path the value of the highest layer.
#[derive(Clone, Debug)]
pub struct KeyTree {
    prefix: Prefix,
    /// What absolute names of fields are below.
    base: Prefix,
    root: NodeBuf,
    /// How many values there are below `root`.
    values: usize,
    /// Keys that are no path: not UTF-8, or too deep.
    strays: BTreeMap<Bytes, RawBuf>,
    /// Of which layer the keys are.
    layer: u8,
    /// The layers, where there are several.
    layered: Option<Box<Layered>>,
}

/// Which values of the layers are in force.
pub(crate) struct Effective<'t> {
    tree: &'t KeyTree,
    /// Where something is shown that has another path in its layer, by that.
    shown_by_path: HashMap<&'t str, Vec<&'t str>>,
}

impl Effective<'_> {
    /// Whether the value at a path of a layer is, under whatever alias.
    pub(crate) fn is_in_force(&self, layer: usize, path: &str) -> bool {
        let Some(layered) = self.tree.layered.as_deref() else { return true };
        let is_shown_at = |at: &str| layered.is_shown_at(at, layer, path, self.tree);
        is_shown_at(path)
            || self.shown_by_path.get(path).is_some_and(|all| all.iter().any(|at| is_shown_at(at)))
    }
}

impl KeyTree {
    /// An empty tree.
    pub fn new(prefix: Prefix) -> Self {
        Self::load(prefix, &Listing::default())
    }

    /// The tree of a listing. Entries outside of the prefix do not count.
    pub fn load(prefix: Prefix, listing: &Listing) -> Self {
        Self::share(prefix, &Arc::new(PackedListing::of(listing)))
    }

    /// The same of one that is packed: the tree keeps it, and reads from it.
    pub(crate) fn share(prefix: Prefix, listing: &Arc<PackedListing>) -> Self {
        if !is_layered(&prefix) {
            return Self::of_layer(prefix.clone(), prefix, 0, listing);
        }
        let (layered, root) = Layered::load(&prefix, listing);
        let strays = layered.trees.iter().flat_map(|tree| tree.strays.clone()).collect();
        let values = root.read().count();
        let (base, layered) = (prefix.clone(), Some(Box::new(layered)));
        Self { prefix, base, root, values, strays, layer: 0, layered }
    }

    /// The same for a configuration whose fields have several names, which matters where there are layers: only then it
    /// is asked which ones.
    pub(crate) fn naming(mut self, names: impl FnOnce() -> Option<FieldNames>) -> Self {
        if let Some(mut layered) = self.layered.take() {
            if let Some(names) = names() {
                layered.resolve(names, &mut self);
            }
            self.layered = Some(layered);
        }
        self
    }

    /// The directory that the tree holds.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// The prefix below which absolute names of fields are: in the tree of a layer, that of the lowest one. There a field of
    /// the name `/payments/token` is read from `token`, as in all layers of `/payments`.
    pub(crate) fn base(&self) -> &Prefix {
        &self.base
    }

    /// Applies a batch; returns the values that it has replaced. Writing the same bytes again replaces nothing,
    /// and yet moves the revision of the key.
    pub fn apply(&mut self, batch: &Batch) -> Replaced {
        if let Some(mut layered) = self.layered.take() {
            let replaced = layered.apply(batch, self);
            self.layered = Some(layered);
            return replaced;
        }
        let mut replaced = Replaced::default();
        for change in &batch.changes {
            match change {
                Change::Put(entry) => self.put(entry, &mut replaced),
                Change::Delete(key) => self.delete(key, &mut replaced),
                Change::DeleteBelow(start) => self.delete_below(start, &mut replaced),
            }
        }
        replaced
    }

    /// Forgets of what was replaced whatever is again as it was before.
    pub fn forget_changed_back(&self, replaced: &mut Replaced) {
        replaced.forget_changed_back(self.root(), self.layers());
    }

    /// The layers, the lowest one first; none where there is but one directory.
    pub(crate) fn layers(&self) -> &[KeyTree] {
        self.layered.as_deref().map_or(&[], |layered| &layered.trees)
    }

    /// The tree of one layer; the whole one where there are none.
    pub(crate) fn layer(&self, number: usize) -> &KeyTree {
        self.layers().get(number).unwrap_or(self)
    }

    /// The directory of the layer that a value is from; `None` where there are no layers.
    pub(crate) fn layer_of(&self, raw: Raw<'_>) -> Option<&str> {
        Some(self.layers().get(raw.layer())?.prefix.path())
    }

    /// The whole key of what is at a path, as it is in its layer; where nothing is, in the lowest one.
    pub(crate) fn key_of(&self, path: &str) -> String {
        self.key_of_raw(path, self.raw(path))
    }

    /// The same of a value that is, or was, at this path.
    pub(crate) fn key_of_raw(&self, path: &str, raw: Option<Raw<'_>>) -> String {
        let layered = self.layered.as_deref().zip(raw);
        let found = layered
            .and_then(|(layered, raw)| Some((layered.trees.get(raw.layer())?, layered.real_path(path))));
        match found {
            Some((layer, path)) => layer.prefix.join(path),
            None => self.prefix.join(path),
        }
    }

    /// The whole key as it is in its layer, of one that is put together as if there were only the lowest one.
    pub(crate) fn real_key<'k>(&self, key: &'k str) -> Cow<'k, str> {
        let path = key.strip_prefix(self.prefix.directory()).filter(|_| self.layered.is_some());
        match path.filter(|path| self.raw(path).is_some()) {
            Some(path) => Cow::Owned(self.key_of(path)),
            None => Cow::Borrowed(key),
        }
    }

    /// What is in force of the layers, for many questions.
    pub(crate) fn effective(&self) -> Effective<'_> {
        let shown_by_path = self.layered.as_deref().map(Layered::shown_by_path).unwrap_or_default();
        Effective { tree: self, shown_by_path }
    }

    /// The whole key of a field with several names that a higher layer has in the place of this one.
    pub(crate) fn instead_of(&self, layer: usize, path: &str) -> Option<String> {
        self.layered.as_deref()?.instead_of(layer, path)
    }

    /// What lower layers have in the place of a value that is shown at this path: the whole keys, those of the highest layer
    /// first.
    pub(crate) fn overridden(&self, path: &str, raw: Raw<'_>) -> Vec<(String, Raw<'_>)> {
        self.layered.as_deref().map(|layered| layered.overridden(raw.layer(), path)).unwrap_or_default()
    }

    /// The newest revision at which the key at this path was written, in any layer.
    pub(crate) fn written_at(&self, path: &str) -> Option<u64> {
        let of_layers = self.layers().iter().filter_map(|layer| layer.raw(path));
        of_layers.chain(self.raw(path)).map(Raw::revision).max()
    }

    /// The value of a key, by its path below the prefix.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.raw(path).map(|raw| raw.value)
    }

    /// The same, to be kept.
    pub(crate) fn value(&self, path: &str) -> Option<Bytes> {
        Some(self.raw(path)?.to_buf().value)
    }

    /// The same with its revision. The empty path is the key that is the prefix with its slash.
    pub(crate) fn raw(&self, path: &str) -> Option<Raw<'_>> {
        let root = self.root();
        let node = if path.is_empty() { root.children.get("") } else { root.descend(path) };
        node?.value
    }

    /// Whether any value has more than one line, or may have once it is decoded.
    pub(crate) fn holds_line_breaks(&self) -> bool {
        self.root().any(&|raw| raw.value.iter().any(|byte| matches!(byte, b'\n' | b'\\' | b'%')))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.values + self.strays.len()
    }

    /// How many keys are stored, in all layers.
    pub(crate) fn stored(&self) -> usize {
        match self.layers() {
            [] => self.len(),
            layers => layers.iter().map(Self::len).sum(),
        }
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.root().is_empty() && self.strays.is_empty()
    }

    pub(crate) fn root(&self) -> Node<'_> {
        self.root.read()
    }

    /// What is at a whole key, or in the prefix itself.
    pub(crate) fn at(&self, key: &str) -> Option<Node<'_>> {
        self.root().descend(key.strip_prefix(self.prefix.directory())?)
    }

    /// The root as it was when the values were there that have been replaced.
    pub(crate) fn root_before(&self, replaced: &Replaced) -> Cow<'_, NodeBuf> {
        if replaced.is_empty() {
            return Cow::Borrowed(&self.root);
        }
        let mut root = self.root.clone();
        replaced.restore(&mut root);
        Cow::Owned(root)
    }

    pub(crate) fn strays(&self) -> impl Iterator<Item = (&Bytes, Raw<'_>)> {
        self.strays.iter().map(|(key, raw)| (key, raw.read()))
    }

    /// The paths of all keys that are some.
    pub(crate) fn paths(&self) -> impl Iterator<Item = String> {
        let directory = self.prefix.directory().len();
        let mut entries = Vec::new();
        self.root().collect(&mut self.prefix.directory().to_owned(), &mut entries);
        entries.into_iter().filter_map(move |entry| as_path(&entry.key[directory..]).map(str::to_owned))
    }

    /// All entries, in no order that may be relied on; of all layers.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        if !self.layers().is_empty() {
            return self.layers().iter().flat_map(Self::entries).collect();
        }
        let stray = |(key, raw): (&Bytes, Raw<'_>)| raw.entry(key.clone());
        let mut entries = Vec::with_capacity(self.len());
        entries.extend(self.strays().map(stray));
        self.root().collect(&mut self.prefix.directory().to_owned(), &mut entries);
        entries
    }

    /// The same, as they were when the values were there that have been replaced.
    pub(crate) fn entries_before(&self, replaced: &Replaced) -> Vec<Entry> {
        if !self.layers().is_empty() {
            let of_layers = replaced.layers().iter().map(Some).chain(std::iter::repeat(None));
            let entries = self.layers().iter().zip(of_layers).flat_map(|(layer, replaced)| match replaced {
                Some(replaced) => layer.entries_before(replaced),
                None => layer.entries(),
            });
            return entries.collect();
        }
        let mut entries = self.entries();
        let before = replaced.before(self.prefix.directory());
        if !before.is_empty() {
            entries.retain(|entry| !before.contains_key(&entry.key));
            entries.extend(before.into_iter().filter_map(|(key, raw)| Some(raw?.read().entry(key))));
        }
        entries
    }

    fn put(&mut self, entry: &Entry, replaced: &mut Replaced) {
        let Some(relative) = self.prefix.relative(&entry.key) else { return };
        let raw = RawBuf::of(entry, self.layer);
        let Some(path) = as_path(relative) else {
            return self.put_stray(entry.key.clone(), raw, replaced);
        };
        let node = self.root.place(path);
        let old = node.value.replace(raw);
        self.values += usize::from(old.is_none());
        if old.as_ref().map(|old| &old.value) != Some(&entry.value) {
            replaced.note(path, old);
        }
    }

    fn delete(&mut self, key: &Bytes, replaced: &mut Replaced) {
        let Some(relative) = self.prefix.relative(key) else { return };
        let Some(path) = as_path(relative) else { return self.delete_stray(key, replaced) };
        if let Some(old) = self.root.remove(path) {
            self.values -= 1;
            replaced.note(path, Some(old));
        }
    }

    fn delete_below(&mut self, start: &Bytes, replaced: &mut Replaced) {
        for key in self.keys_below(start) {
            self.delete(&key, replaced);
        }
    }

    /// The whole keys that begin with these bytes.
    fn keys_below(&self, start: &Bytes) -> Vec<Bytes> {
        let keys = self.entries().into_iter().map(|entry| entry.key);
        keys.filter(|key| key.starts_with(start)).collect()
    }

    fn put_stray(&mut self, key: Bytes, raw: RawBuf, replaced: &mut Replaced) {
        let is_new = self.strays.get(&key).is_none_or(|old| old.value != raw.value);
        if is_new {
            replaced.note_stray(&key);
        }
        self.strays.insert(key, raw);
    }

    fn delete_stray(&mut self, key: &Bytes, replaced: &mut Replaced) {
        if self.strays.remove(key).is_some() {
            replaced.note_stray(key);
        }
    }

    /// Shows something else at a path, or nothing.
    fn set(&mut self, path: &str, raw: Option<RawBuf>, replaced: &mut Replaced) {
        let Some(raw) = raw else {
            if let Some(old) = self.root.remove(path) {
                self.values -= 1;
                replaced.note(path, Some(old));
            }
            return;
        };
        let node = self.root.place(path);
        if node.value.as_ref().is_some_and(|old| old.read().is(&raw)) {
            return;
        }
        let is_new = node.value.as_ref().map(|old| &old.value) != Some(&raw.value);
        let old = node.value.replace(raw);
        self.values += usize::from(old.is_none());
        if is_new {
            replaced.note(path, old);
        }
    }
}

fn as_path(relative: &[u8]) -> Option<&str> {
    let path = std::str::from_utf8(relative).ok()?;
    (path.matches('/').count() < DEEPEST).then_some(path)
}
