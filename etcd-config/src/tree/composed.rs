//! Layers of keys laid one over the other, of a configuration with fields that have several names.
//!
//! In each layer a field is read from the name that it has there. It is shown under the one that the highest layer uses
//! which has it, and what lower layers have of it under that name, too; its other names are left out. What a field with one
//! name reads there stays, unless the field with several would be read from it.

use std::collections::BTreeMap;

use super::field_names::{FieldName, Inner, NamedContent, NamedField, NamedStruct, Presence, join};
use super::{KeyTree, Node, Raw};

/// The deepest nesting of structs: an absolute name may lead to the same place again and again.
const DEEPEST: usize = 64;

/// What is shown, by its paths.
pub(super) type Composed = BTreeMap<String, Shown>;

/// What is shown at a path.
pub(super) struct Shown {
    pub(super) raw: Raw,
    /// Its path in its layer, where that is another one.
    pub(super) real: Option<Box<str>>,
}

/// What one layer has of a place.
#[derive(Clone)]
struct Side<'a> {
    node: Option<&'a Node>,
    /// The path in this layer.
    path: String,
}

/// A field where it is shown.
struct Placed<'a> {
    /// The structs around it.
    chain: Vec<&'a NamedStruct>,
    content: &'a NamedContent,
    sides: Vec<Side<'a>>,
    at: String,
    /// The names that are looked for before the one that it is shown under.
    earlier: &'a [FieldName],
}

struct Composer<'a> {
    layers: &'a [KeyTree],
    chain: Vec<&'a NamedStruct>,
    /// Absolute names that are not to be seen, and fields that are shown under one: when all others are in their places.
    hidden: Vec<(&'static str, Presence)>,
    elsewhere: Vec<Placed<'a>>,
    composed: Composed,
}

/// Everything.
pub(super) fn composed(layers: &[KeyTree], top: &NamedStruct) -> Composed {
    let mut composer = Composer::new(layers, vec![top]);
    let roots: Vec<Side<'_>> =
        layers.iter().map(|layer| Side { node: Some(&layer.root), path: String::new() }).collect();
    composer.plain(&roots, "");
    composer.fields(&roots, "");
    composer.finish()
}

/// One field with several names of a struct that is in the directory `at` in all layers.
pub(super) fn composed_field<'a>(
    layers: &'a [KeyTree],
    field: &'a NamedField,
    chain: Vec<&'a NamedStruct>,
    at: &str,
) -> Composed {
    let mut composer = Composer::new(layers, chain);
    let here: Vec<Side<'_>> =
        layers.iter().map(|layer| Side { node: layer.root.descend(at), path: at.to_owned() }).collect();
    if let Some(placed) = composer.placed(field, &here, at) {
        composer.show(placed);
    }
    composer.finish()
}

/// Under which of its names each layer has a field of a struct that is in the directory `at` in all layers.
pub(super) fn own_names(layers: &[KeyTree], field: &NamedField, at: &str) -> Vec<Option<usize>> {
    let own = |layer: &KeyTree| {
        let here = layer.root.descend(at);
        field.names.iter().position(|name| {
            name.find(here, &layer.root).is_some_and(|node| field.content.presence.is_there(node))
        })
    };
    layers.iter().map(own).collect()
}

impl FieldName {
    fn find<'t>(self, here: Option<&'t Node>, root: &'t Node) -> Option<&'t Node> {
        match self {
            Self::Relative(path) => here?.descend(path),
            Self::Absolute(path) => root.descend(path),
        }
    }
}

impl Side<'_> {
    fn child(&self, name: &str) -> Self {
        let node = self.node.and_then(|node| node.children.get(name));
        Self { node, path: join(&self.path, name) }
    }
}

impl<'a> Composer<'a> {
    fn new(layers: &'a [KeyTree], chain: Vec<&'a NamedStruct>) -> Self {
        Self { layers, chain, hidden: Vec::new(), elsewhere: Vec::new(), composed: Composed::new() }
    }

    fn finish(mut self) -> Composed {
        while !self.hidden.is_empty() || !self.elsewhere.is_empty() {
            for (path, presence) in std::mem::take(&mut self.hidden) {
                self.hide(path, presence);
            }
            for placed in std::mem::take(&mut self.elsewhere) {
                self.show(placed);
            }
        }
        self.composed
    }

    /// The fields of the innermost struct, which is in the directory `at`, where all keys are shown by their own names.
    fn fields(&mut self, sides: &[Side<'a>], at: &str) {
        if self.chain.len() > DEEPEST {
            return;
        }
        let mut fields = Vec::new();
        gather(&self.chain, &mut fields);
        let outer = self.chain.clone();
        let (mut of_one_name, mut of_several) = (Vec::new(), Vec::new());
        for (chain, field) in fields {
            self.chain = chain;
            let Some(place) = self.placed(field, sides, at) else { continue };
            let presence = field.content.presence;
            for (number, name) in field.names.iter().enumerate() {
                match name {
                    FieldName::Relative(_) => self.hide(&name.path(at), presence),
                    // One that comes later is not read.
                    FieldName::Absolute(path) if number <= place.earlier.len() => {
                        self.hidden.push((path, presence));
                    }
                    FieldName::Absolute(_) => {}
                }
            }
            let is_elsewhere = field.names.iter().any(|name| matches!(name, FieldName::Absolute(_)));
            if field.names.len() == 1 { &mut of_one_name } else { &mut of_several }
                .push((place, is_elsewhere));
        }
        self.chain = outer;
        let earlier: Vec<(String, Presence)> = of_several
            .iter()
            .flat_map(|(place, _)| place.earlier.iter().map(|name| (*name, place.content.presence)))
            .filter(|(name, _)| matches!(name, FieldName::Relative(_)))
            .map(|(name, presence)| (name.path(at), presence))
            .collect();
        self.show_all(of_several);
        // Over the others: what a directory brings along of another layer is not what these are read from.
        let others = std::mem::take(&mut self.composed);
        self.show_all(of_one_name);
        for (path, presence) in earlier {
            self.hide(&path, presence);
        }
        let of_one_name = std::mem::replace(&mut self.composed, others);
        self.composed.extend(of_one_name);
    }

    fn show_all(&mut self, places: Vec<(Placed<'a>, bool)>) {
        for (place, is_elsewhere) in places {
            if is_elsewhere {
                self.elsewhere.push(place);
            } else {
                self.show(place);
            }
        }
    }

    /// Where a field is shown, and what each layer has of it; `None` if none has it.
    fn placed(&self, field: &'a NamedField, sides: &[Side<'a>], at: &str) -> Option<Placed<'a>> {
        let content = &field.content;
        let in_layer = |(layer, side): (&'a KeyTree, &Side<'a>), name: FieldName| Side {
            node: name.find(side.node, &layer.root),
            path: name.path(&side.path),
        };
        let layers = || self.layers.iter().zip(sides);
        let chain = self.chain.clone();
        if let [name] = field.names[..] {
            let sides = layers().map(|layer| in_layer(layer, name)).collect();
            return Some(Placed { chain, content, sides, at: name.path(at), earlier: &[] });
        }
        let own: Vec<Option<(usize, Side<'a>)>> = layers()
            .map(|layer| {
                let found = field.names.iter().map(|name| in_layer(layer, *name)).enumerate();
                found
                    .into_iter()
                    .find(|(_, side)| side.node.is_some_and(|node| content.presence.is_there(node)))
            })
            .collect();
        let (number, _) = own.iter().rev().flatten().next()?;
        let (at, earlier) = (field.names[*number].path(at), &field.names[..*number]);
        let nowhere = || Side { node: None, path: String::new() };
        let sides = own.into_iter().map(|own| own.map_or_else(nowhere, |(_, side)| side)).collect();
        Some(Placed { chain, content, sides, at, earlier })
    }

    fn show(&mut self, placed: Placed<'a>) {
        let Placed { chain, content, sides, at, .. } = placed;
        let outer = std::mem::replace(&mut self.chain, chain);
        self.content(content, &sides, &at);
        self.chain = outer;
    }

    fn content(&mut self, content: &'a NamedContent, sides: &[Side<'a>], at: &str) {
        if content.presence.has_key() {
            for side in sides {
                if let Some(raw) = side.node.and_then(|node| node.value.as_ref()) {
                    let real = (side.path != at).then(|| side.path.as_str().into());
                    self.composed.insert(at.to_owned(), Shown { raw: raw.clone(), real });
                }
            }
        }
        if !content.presence.has_directory() {
            return;
        }
        self.plain(sides, at);
        match &content.inner {
            Inner::Nothing => {}
            Inner::Struct(inner) => {
                self.chain.push(inner);
                self.fields(sides, at);
                self.chain.pop();
            }
            Inner::Entries(entry) => self.entries(entry, sides, at),
            Inner::Above(levels) => {
                let above = self.chain.len().checked_sub(levels + 1).and_then(|at| self.chain.get(at));
                if let Some(above) = above.copied().filter(|_| sides.iter().any(|side| side.node.is_some())) {
                    self.chain.push(above);
                    self.fields(sides, at);
                    self.chain.pop();
                }
            }
        }
    }

    fn entries(&mut self, entry: &'a NamedContent, sides: &[Side<'a>], at: &str) {
        let nodes = sides.iter().filter_map(|side| side.node);
        let mut names: Vec<&str> = nodes.flat_map(|node| node.children.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            let at = join(at, name);
            let sides: Vec<Side<'a>> = sides.iter().map(|side| side.child(name)).collect();
            self.hide(&at, entry.presence);
            self.content(entry, &sides, &at);
        }
    }

    /// All keys below a place, the higher layer's before the lower one's.
    fn plain(&mut self, sides: &[Side<'a>], at: &str) {
        for side in sides {
            if let Some(node) = side.node {
                let (mut shown, mut real) = (directory(at), directory(&side.path));
                self.below(node, &mut shown, &mut real);
            }
        }
    }

    fn below(&mut self, node: &Node, shown: &mut String, real: &mut String) {
        for (name, child) in &node.children {
            let lengths = (shown.len(), real.len());
            shown.push_str(name);
            real.push_str(name);
            if let Some(raw) = &child.value {
                let real = (shown != real).then(|| real.as_str().into());
                self.composed.insert(shown.clone(), Shown { raw: raw.clone(), real });
            }
            shown.push('/');
            real.push('/');
            self.below(child, shown, real);
            shown.truncate(lengths.0);
            real.truncate(lengths.1);
        }
    }

    /// Leaves a field out of a place.
    fn hide(&mut self, path: &str, presence: Presence) {
        if presence.has_key() {
            self.composed.remove(path);
        }
        if presence.has_directory() {
            let start = directory(path);
            let range = self.composed.range(start.clone()..);
            let gone: Vec<String> =
                range.map(|(path, _)| path.clone()).take_while(|path| path.starts_with(&start)).collect();
            for path in gone {
                self.composed.remove(&path);
            }
        }
    }
}

/// The fields of the innermost struct, with those of structs whose fields lie among them; each with the structs around
/// it.
pub(super) fn gather<'a>(
    chain: &[&'a NamedStruct],
    fields: &mut Vec<(Vec<&'a NamedStruct>, &'a NamedField)>,
) {
    let Some(innermost) = chain.last() else { return };
    for field in &innermost.fields {
        match field.flattened() {
            Some(inner) => gather(&[chain, &[inner]].concat(), fields),
            None => fields.push((chain.to_vec(), field)),
        }
    }
}

/// What the paths of all keys in a directory begin with.
pub(super) fn directory(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}/") }
}
