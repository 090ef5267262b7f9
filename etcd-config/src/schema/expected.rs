//! What the fields expect at each place of the tree of keys.

use std::rc::Rc;

use etcd_client_core::Prefix;

use crate::leaf::Expectation;
use crate::shape::branch::{Branch, Part};
use crate::shape::layout::Field;
use crate::shape::name::Name;

/// The structs from the outermost to the one at hand, which recursive types refer to.
#[derive(Debug)]
struct Chain<'s> {
    branch: &'s Branch,
    up: Option<Rc<Chain<'s>>>,
}

/// What is expected at one place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected<'s> {
    /// A value, and whose.
    pub(crate) value: Option<ReadBy>,
    /// An entry of a map of leaves in each key below.
    entries: Option<ReadBy>,
    /// This in each directory below.
    each: Option<Rc<Expected<'s>>>,
    /// These paths below.
    pub(crate) ahead: Vec<(&'s str, Step<'s>)>,
    pub(crate) denied: bool,
    /// Any key below makes a value of the place, whether or not a field reads it.
    pub(crate) optional: bool,
}

/// Who reads a key, and by which name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadBy {
    /// The old name, and the one that has taken its place.
    pub(crate) alias: Option<(&'static str, &'static str)>,
    /// What to use instead.
    pub(crate) deprecated: Option<&'static str>,
    /// The value is shown nowhere.
    pub(crate) secret: bool,
    /// The value is a string, and taken as it is.
    pub(crate) is_string: bool,
}

/// A reader beside another one of the same key, which is secret where either says so.
fn beside(reader: ReadBy, other: Option<ReadBy>) -> ReadBy {
    ReadBy {
        secret: reader.secret || other.is_some_and(|other| other.secret),
        is_string: reader.is_string || other.is_some_and(|other| other.is_string),
        ..reader
    }
}

impl ReadBy {
    /// Of a field, by one of its names.
    fn of(field: &'static Field, name: Name, outer: Option<Self>) -> Self {
        let name = name.written();
        let alias = (name != field.key).then_some((name, field.key));
        Self {
            alias: alias.or(outer.and_then(|outer| outer.alias)),
            deprecated: field.deprecated.or(outer.and_then(|outer| outer.deprecated)),
            secret: field.secret || outer.is_some_and(|outer| outer.secret),
            is_string: false,
        }
    }

    /// The same for what is expected.
    fn of_value(self, expectation: &Expectation) -> Self {
        Self { is_string: expectation.is_string(), ..self }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Step<'s> {
    part: &'s Part,
    reader: ReadBy,
    chain: Rc<Chain<'s>>,
}

impl<'s> Expected<'s> {
    /// What is expected in the directory that a configuration is read from.
    pub(crate) fn of(branch: &'s Branch, prefix: &Prefix) -> Self {
        let chain = Rc::new(Chain { branch, up: None });
        let mut expected = Self::default();
        expected.branch(&chain, None);
        expected.absolute(&chain, prefix, false);
        expected
    }

    fn branch(&mut self, chain: &Rc<Chain<'s>>, outer: Option<ReadBy>) {
        self.denied |= chain.branch.layout.deny_unknown_keys;
        for member in &chain.branch.members {
            let field = member.field;
            for name in field.names() {
                let reader = ReadBy::of(field, name, outer);
                let step = Step { part: &member.part, reader, chain: Rc::clone(chain) };
                match name {
                    Name::Relative("") => self.part(&step),
                    Name::Relative(path) => self.ahead.push((path, step)),
                    Name::Absolute(_) => {}
                }
            }
        }
    }

    fn part(&mut self, step: &Step<'s>) {
        let Step { part, reader, chain } = step;
        match part {
            Part::Leaf(leaf) => self.value = Some(beside(reader.of_value(leaf), self.value)),
            Part::Map { entry, .. } => {
                self.entries = Some(beside(reader.of_value(entry), self.entries));
            }
            Part::Directory(branch) => {
                let chain = Rc::new(Chain { branch, up: Some(Rc::clone(chain)) });
                self.branch(&chain, Some(*reader));
            }
            Part::Optional(inner) => {
                self.optional = true;
                self.part(&Step { part: inner, ..step.clone() });
            }
            Part::Each(inner) => {
                let mut each = self.each.as_deref().cloned().unwrap_or_default();
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
    fn absolute(&mut self, chain: &Rc<Chain<'s>>, prefix: &Prefix, secret: bool) {
        for member in &chain.branch.members {
            let field = member.field;
            for (name, path) in field.names().filter_map(|name| Some((name, name.below(prefix)?))) {
                let reader = ReadBy::of(field, name, None);
                let reader = ReadBy { secret: secret || reader.secret, ..reader };
                let step = Step { part: &member.part, reader, chain: Rc::clone(chain) };
                self.ahead.push((path, step));
            }
            self.absolute_below(&member.part, chain, prefix, secret || field.secret);
        }
    }

    fn absolute_below(&mut self, part: &'s Part, chain: &Rc<Chain<'s>>, prefix: &Prefix, secret: bool) {
        match part {
            Part::Directory(branch) => {
                let chain = Rc::new(Chain { branch, up: Some(Rc::clone(chain)) });
                self.absolute(&chain, prefix, secret);
            }
            Part::Optional(inner) | Part::Each(inner) => {
                self.absolute_below(inner, chain, prefix, secret);
            }
            Part::Leaf(_) | Part::Map { .. } | Part::Above(_) => {}
        }
    }

    /// What is expected in the child of that name, if anything is.
    pub(crate) fn below(&self, name: &str) -> Option<Self> {
        let mut below = self.each.as_deref().cloned().unwrap_or_default();
        let mut any = self.each.is_some() && !name.is_empty();
        if let Some(entry) = self.entries.filter(|_| !name.is_empty()) {
            below.value = Some(beside(entry, below.value));
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

    /// Whether each directory below is an entry of a map.
    pub(crate) fn is_each(&self) -> bool {
        self.each.is_some()
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.entries.is_some() || self.each.is_some() || !self.ahead.is_empty()
    }
}
