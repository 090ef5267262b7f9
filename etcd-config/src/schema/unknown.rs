//! The keys that no field reads, and those that are read and should not be used any more.

use std::rc::Rc;

use super::branch::{Branch, Part};
use super::similar::distance;
use super::{ENTRY, Schema};
use crate::layout::Field;
use crate::problem::{Kind, Problem};
use crate::tree::{KeyTree, Mark, Node, Raw, Touched};

/// The most unknown keys that are described one by one.
const DESCRIBED: usize = 100;

/// The unknown keys that `deny_unknown_keys` makes problems; among the touched ones, where given.
pub(crate) fn denied(schema: &Schema, tree: &KeyTree, touched: Option<&Touched>) -> Vec<Problem> {
    if !schema.denies() {
        return Vec::new();
    }
    let findings = find(schema, tree, touched);
    describe(schema, tree, findings.into_iter().filter(|finding| finding.denied && !finding.is_harmless()))
}

/// Everything about the keys in `tree` that is worth a warning: unknown ones, aliases, deprecated
/// ones; among the touched ones, where given.
pub fn warnings(schema: &Schema, tree: &KeyTree, touched: Option<&Touched>) -> Vec<Problem> {
    describe(schema, tree, find(schema, tree, touched).into_iter())
}

struct Finding {
    path: String,
    kind: Kind,
    /// Who reads the key, for aliases and deprecated ones.
    reader: Option<Reader>,
    revision: u64,
    denied: bool,
}

impl Finding {
    fn is_harmless(&self) -> bool {
        matches!(self.kind, Kind::Alias | Kind::Deprecated)
    }
}

fn find(schema: &Schema, tree: &KeyTree, touched: Option<&Touched>) -> Vec<Finding> {
    let mut finder = Finder { path: String::new(), findings: Vec::new() };
    let chain = Rc::new(Chain { branch: schema.branch(), up: None });
    let mut expected = Expected::default();
    expected.branch(&chain, None);
    expected.absolute(&chain, tree);
    let denied = schema.branch().layout.deny_unknown_keys;
    finder.children(tree.root(), touched.map(Touched::root), &expected, denied);
    // No field need read the key that is only waited for.
    let commit_key = schema.branch().layout.commit_key;
    finder
        .findings
        .retain(|finding| finding.kind != Kind::Unknown || Some(finding.path.as_str()) != commit_key);
    if touched.is_none_or(Touched::has_strays) {
        for (key, raw) in tree.strays() {
            let relative = tree.prefix().relative(key).unwrap_or(key);
            finder.findings.push(Finding {
                path: String::from_utf8_lossy(relative).into_owned(),
                kind: Kind::Unknown,
                reader: None,
                revision: raw.revision,
                denied,
            });
        }
    }
    finder.findings
}

/// The structs from the outermost to the one at hand, which recursive types refer to.
struct Chain<'s> {
    branch: &'s Branch,
    up: Option<Rc<Chain<'s>>>,
}

/// What is expected at one place.
#[derive(Clone, Default)]
struct Expected<'s> {
    /// A value, and whose.
    value: Option<Reader>,
    /// An entry of a map of leaves in each key below.
    entries: Option<Reader>,
    /// This in each directory below.
    each: Option<Rc<Expected<'s>>>,
    /// These paths below.
    ahead: Vec<(&'s str, Step<'s>)>,
    denied: bool,
}

/// Who reads a key, and by which name.
#[derive(Clone, Copy)]
struct Reader {
    /// The old name, and the one that has taken its place.
    alias: Option<(&'static str, &'static str)>,
    /// What to use instead.
    deprecated: Option<&'static str>,
}

impl Reader {
    /// Of a field, by one of its names.
    fn of(field: &'static Field, name: &'static str, outer: Option<Self>) -> Self {
        let alias = (name != field.key).then_some((name, field.key));
        Self {
            alias: alias.or(outer.and_then(|outer| outer.alias)),
            deprecated: field.deprecated.or(outer.and_then(|outer| outer.deprecated)),
        }
    }
}

/// The key of a field and its aliases.
fn names(field: &'static Field) -> impl Iterator<Item = &'static str> {
    std::iter::once(field.key).chain(field.aliases.iter().copied())
}

#[derive(Clone)]
struct Step<'s> {
    part: &'s Part,
    reader: Reader,
    chain: Rc<Chain<'s>>,
}

impl<'s> Expected<'s> {
    fn branch(&mut self, chain: &Rc<Chain<'s>>, outer: Option<Reader>) {
        self.denied |= chain.branch.layout.deny_unknown_keys;
        for member in &chain.branch.members {
            let field = member.field;
            for key in names(field) {
                let reader = Reader::of(field, key, outer);
                let step = Step { part: &member.part, reader, chain: Rc::clone(chain) };
                match key {
                    "" => self.part(&step),
                    key if key.starts_with('/') => {}
                    key => self.ahead.push((key, step)),
                }
            }
        }
    }

    fn part(&mut self, step: &Step<'s>) {
        let Step { part, reader, chain } = step;
        match part {
            Part::Leaf(_) => self.value = Some(*reader),
            Part::Map { .. } => self.entries = Some(*reader),
            Part::Directory(branch) => {
                let chain = Rc::new(Chain { branch, up: Some(Rc::clone(chain)) });
                self.branch(&chain, Some(*reader));
            }
            Part::Optional(inner) => self.part(&Step { part: inner, ..step.clone() }),
            Part::Each(inner) => {
                let mut each = Self::default();
                each.part(&Step { part: inner, ..step.clone() });
                self.each = Some(Rc::new(each));
            }
            Part::Above(levels) => {
                let mut above = Rc::clone(chain);
                for _ in 0..*levels {
                    above = above.up.as_ref().map_or(Rc::clone(&above), Rc::clone);
                }
                // A recursive struct that is flattened into itself would never end.
                if above.branch.members.iter().all(|member| !member.field.key.is_empty()) {
                    self.branch(&above, Some(*reader));
                }
            }
        }
    }

    /// The absolute keys of all structs, which may be anywhere below the prefix.
    fn absolute(&mut self, chain: &Rc<Chain<'s>>, tree: &KeyTree) {
        for member in &chain.branch.members {
            let field = member.field;
            for key in names(field).filter(|key| key.starts_with('/')) {
                if let Some(path) = key.strip_prefix(tree.prefix().directory()) {
                    let reader = Reader::of(field, key, None);
                    let step = Step { part: &member.part, reader, chain: Rc::clone(chain) };
                    self.ahead.push((path, step));
                }
            }
            self.absolute_below(&member.part, chain, tree);
        }
    }

    fn absolute_below(&mut self, part: &'s Part, chain: &Rc<Chain<'s>>, tree: &KeyTree) {
        match part {
            Part::Directory(branch) => {
                let chain = Rc::new(Chain { branch, up: Some(Rc::clone(chain)) });
                self.absolute(&chain, tree);
            }
            Part::Optional(inner) | Part::Each(inner) => self.absolute_below(inner, chain, tree),
            Part::Leaf(_) | Part::Map { .. } | Part::Above(_) => {}
        }
    }

    /// What is expected in the child of that name, if anything is.
    fn below(&self, name: &str) -> Option<Self> {
        let mut below = self.each.as_deref().cloned().unwrap_or_default();
        let mut any = self.each.is_some() && !name.is_empty();
        if self.entries.is_some() && !name.is_empty() {
            below.value = self.entries;
            any = true;
        }
        for (path, step) in &self.ahead {
            let Some(rest) = path.strip_prefix(name) else { continue };
            if rest.is_empty() {
                below.part(step);
                any = true;
            } else if let Some(rest) = rest.strip_prefix('/') {
                below.ahead.push((rest, step.clone()));
                any = true;
            }
        }
        any.then_some(below)
    }

    fn is_directory(&self) -> bool {
        self.entries.is_some() || self.each.is_some() || !self.ahead.is_empty()
    }
}

struct Finder {
    path: String,
    findings: Vec<Finding>,
}

impl Finder {
    fn children(&mut self, node: &Node, mark: Option<&Mark>, expected: &Expected<'_>, denied: bool) {
        let denied = denied || expected.denied;
        // Where all children are expected to be the same, what that is, is found out once.
        let uniform = if expected.ahead.is_empty() { expected.below(ENTRY) } else { None };
        let mut visit = |name: &str, child: &Node, mark: Option<&Mark>| {
            let length = self.path.len();
            if length > 0 {
                self.path.push('/');
            }
            self.path.push_str(name);
            let own;
            let below = if uniform.is_some() && !name.is_empty() {
                uniform.as_ref()
            } else {
                own = expected.below(name);
                own.as_ref()
            };
            match below {
                Some(below) => self.node(child, mark, below, denied),
                None => {
                    let leaf = expected.value.is_some() && !expected.is_directory();
                    let kind = if leaf { Kind::NotAKey } else { Kind::Unknown };
                    self.all(child, mark, kind, denied);
                }
            }
            self.path.truncate(length);
        };
        match mark {
            None => node.children.iter().for_each(|(name, child)| visit(name, child, None)),
            Some(mark) => {
                for (name, mark) in &mark.children {
                    if let Some(child) = node.children.get(name) {
                        visit(name, child, Some(mark));
                    }
                }
            }
        }
    }

    fn node(&mut self, node: &Node, mark: Option<&Mark>, expected: &Expected<'_>, denied: bool) {
        if let Some(raw) = node.value.as_ref().filter(|_| mark.is_none_or(|mark| mark.here)) {
            match expected.value {
                Some(reader) if reader.alias.is_some() => {
                    self.found(raw, Kind::Alias, Some(reader), denied);
                }
                Some(reader) if reader.deprecated.is_some() => {
                    self.found(raw, Kind::Deprecated, Some(reader), denied);
                }
                Some(_) => {}
                None => self.found(raw, Kind::NotADirectory, None, denied || expected.denied),
            }
        }
        if !node.children.is_empty() {
            self.children(node, mark, expected, denied);
        }
    }

    fn all(&mut self, node: &Node, mark: Option<&Mark>, kind: Kind, denied: bool) {
        if let Some(raw) = node.value.as_ref().filter(|_| mark.is_none_or(|mark| mark.here)) {
            self.found(raw, kind, None, denied);
        }
        for (name, child) in &node.children {
            let below = mark.map(|mark| mark.children.get(name));
            if matches!(below, Some(None)) {
                continue;
            }
            let length = self.path.len();
            self.path.push('/');
            self.path.push_str(name);
            self.all(child, below.flatten(), kind, denied);
            self.path.truncate(length);
        }
    }

    fn found(&mut self, raw: &Raw, kind: Kind, reader: Option<Reader>, denied: bool) {
        let revision = raw.revision;
        self.findings.push(Finding { path: self.path.clone(), kind, reader, revision, denied });
    }
}

fn describe(schema: &Schema, tree: &KeyTree, findings: impl Iterator<Item = Finding>) -> Vec<Problem> {
    let mut described = Vec::new();
    let mut more = 0;
    for finding in findings {
        if described.len() < DESCRIBED {
            described.push(one(schema, tree, &finding));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        described.push(Problem {
            kind: Kind::Unknown,
            key: tree.prefix().to_string(),
            field: String::new(),
            expected: String::new(),
            what: format!("and {more} more keys of this kind"),
            value: None,
            revision: None,
        });
    }
    described
}

fn one(schema: &Schema, tree: &KeyTree, finding: &Finding) -> Problem {
    let what = match finding.kind {
        Kind::Alias => {
            let (old, new) = finding.reader.and_then(|reader| reader.alias).unwrap_or_default();
            format!("{old} is an old name of {new}")
        }
        Kind::Deprecated => {
            let instead = finding.reader.and_then(|reader| reader.deprecated).unwrap_or_default();
            format!("deprecated: {instead}")
        }
        Kind::NotADirectory => not_a_directory(schema, &finding.path),
        Kind::NotAKey => not_a_key(schema, &finding.path),
        _ => unknown(schema, &finding.path),
    };
    Problem {
        kind: finding.kind,
        key: tree.prefix().join(&finding.path),
        field: String::new(),
        expected: String::new(),
        what,
        value: None,
        revision: Some(finding.revision),
    }
}

fn not_a_directory(schema: &Schema, path: &str) -> String {
    let below = schema.fields().iter().find_map(|field| {
        let key = fill(&field.relative, path);
        key.strip_prefix(path)?.starts_with('/').then_some(key)
    });
    match below {
        Some(key) => format!("a key where a directory is expected: its keys are below it, such as {key}"),
        None => "a key where a directory is expected".to_owned(),
    }
}

fn not_a_key(schema: &Schema, path: &str) -> String {
    let above = schema.fields().iter().find_map(|field| {
        let key = fill(&field.relative, path);
        path.strip_prefix(key.as_str())?.starts_with('/').then_some((key, field))
    });
    match above {
        Some((key, field)) => format!(
            "below a key: {key} is the value of {}: {}, not a directory",
            field.path_of(&key),
            field.type_name()
        ),
        None => "below a key, which is not a directory".to_owned(),
    }
}

fn unknown(schema: &Schema, path: &str) -> String {
    if path.split('/').any(str::is_empty) {
        return "unknown key; no field reads a key with an empty name in it".to_owned();
    }
    let closest = schema.fields().iter().filter_map(|field| {
        let key = fill(&field.relative, path);
        slips(path, &key).map(|slips| (slips, key, field))
    });
    let Some((_, key, field)) = closest.min_by_key(|(slips, ..)| *slips).or_else(|| elsewhere(schema, path))
    else {
        return "unknown key; no field reads it".to_owned();
    };
    let names = field.path_of(&key);
    let suggested = match (path.rsplit_once('/'), key.rsplit_once('/')) {
        (Some((directory, _)), Some((meant, name))) if directory == meant => name,
        _ => key.as_str(),
    };
    // A field with the key's own name needs no second mention.
    if names == suggested {
        format!("unknown key; did you mean {suggested}?")
    } else {
        format!("unknown key; did you mean {suggested} ({names})?")
    }
}

/// The field of the same name in another directory, where there is just one.
fn elsewhere<'s>(schema: &'s Schema, path: &str) -> Option<(usize, String, &'s super::Field)> {
    let name = path.rsplit('/').next()?;
    let mut named = schema
        .fields()
        .iter()
        .filter(|field| !field.relative.contains(ENTRY) && field.relative.rsplit('/').next() == Some(name));
    let field = named.next()?;
    named.next().is_none().then(|| (0, field.relative.clone(), field))
}

/// A key of the schema with the names of entries that `path` has in the same places.
fn fill(template: &str, path: &str) -> String {
    let names = path.split('/').map(Some).chain(std::iter::repeat(None));
    let segments = template.split('/').zip(names);
    let filled: Vec<&str> = segments
        .map(|(segment, name)| if segment == ENTRY { name.unwrap_or(ENTRY) } else { segment })
        .collect();
    filled.join("/")
}

/// How far apart two keys are, where they differ in spelling only.
fn slips(written: &str, meant: &str) -> Option<usize> {
    if written.split('/').count() != meant.split('/').count() {
        return None;
    }
    let mut total = 0;
    for (written, meant) in written.split('/').zip(meant.split('/')) {
        total += distance(written, meant)?;
    }
    Some(total)
}
