//! What the fields expect at each place of the tree of keys.

use std::rc::Rc;

use etcd_client_core::Prefix;

use crate::leaf::Expectation;
use crate::shape::branch::{Branch, Content, Member};
use crate::shape::field_key::FieldKey;
use crate::shape::layout::Field;

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
    pub(crate) value: Option<KeyUse>,
    /// An entry of a map of leaves in each key below.
    entries: Option<KeyUse>,
    /// This in each directory below.
    each: Option<Rc<Expected<'s>>>,
    /// These paths below.
    pub(crate) ahead: Vec<(&'s str, Ahead<'s>)>,
    pub(crate) denied: bool,
    /// Any key below makes a value of the place, whether or not a field reads it.
    pub(crate) optional: bool,
}

/// How a key is used by the field that reads it: by which name, and as what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyUse {
    /// The old name, and the one that has taken its place.
    pub(crate) alias: Option<(&'static str, &'static str)>,
    /// What to use instead.
    pub(crate) deprecated: Option<&'static str>,
    /// The value is shown nowhere.
    pub(crate) secret: bool,
    /// The value is a string, and taken as it is.
    pub(crate) is_string: bool,
}

/// The use of a key that another field uses, too: it is secret if either says so.
fn beside(key_use: KeyUse, other: Option<KeyUse>) -> KeyUse {
    KeyUse {
        secret: key_use.secret || other.is_some_and(|other| other.secret),
        is_string: key_use.is_string || other.is_some_and(|other| other.is_string),
        ..key_use
    }
}

impl KeyUse {
    /// Of a field, by one of its names.
    fn of(field: &'static Field, name: FieldKey, outer: Option<Self>) -> Self {
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
pub(crate) struct Ahead<'s> {
    content: &'s Content,
    key_use: KeyUse,
    /// The field has several names: which one it is read from depends on what there is at each.
    is_renamed: bool,
    chain: Rc<Chain<'s>>,
}

impl<'s> Ahead<'s> {
    fn of(member: &'s Member, key_use: KeyUse, chain: &Rc<Chain<'s>>) -> Self {
        let is_renamed = !member.field.aliases.is_empty();
        Self { content: &member.content, key_use, is_renamed, chain: Rc::clone(chain) }
    }
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

    fn branch(&mut self, chain: &Rc<Chain<'s>>, outer: Option<KeyUse>) {
        self.denied |= chain.branch.layout.deny_unknown_keys;
        for member in &chain.branch.members {
            let field = member.field;
            for name in field.names() {
                let key_use = KeyUse::of(field, name, outer);
                let ahead = Ahead::of(member, key_use, chain);
                match name {
                    FieldKey::Relative("") => self.add_content(&ahead),
                    FieldKey::Relative(path) => self.ahead.push((path, ahead)),
                    FieldKey::Absolute(_) => {}
                }
            }
        }
    }

    fn add_content(&mut self, ahead: &Ahead<'s>) {
        let Ahead { content, key_use, is_renamed, chain } = ahead;
        self.optional |= *is_renamed && !matches!(content, Content::Leaf(_));
        match content {
            Content::Leaf(leaf) => self.value = Some(beside(key_use.of_value(leaf), self.value)),
            Content::Map { entry, .. } => {
                self.entries = Some(beside(key_use.of_value(entry), self.entries));
            }
            Content::Directory(branch) => {
                let chain = Rc::new(Chain { branch, up: Some(Rc::clone(chain)) });
                self.branch(&chain, Some(*key_use));
            }
            Content::Optional(inner) => {
                self.optional = true;
                self.add_content(&Ahead { content: inner, ..ahead.clone() });
            }
            Content::Each(inner) => {
                let mut each = self.each.as_deref().cloned().unwrap_or_default();
                each.add_content(&Ahead { content: inner, ..ahead.clone() });
                self.each = Some(Rc::new(each));
            }
            Content::Above(levels) => {
                let mut above = Rc::clone(chain);
                for _ in 0..*levels {
                    above = above.up.as_ref().map_or(Rc::clone(&above), Rc::clone);
                }
                // A recursive struct that is flattened into itself would never end.
                if above.branch.members.iter().all(|member| !member.field.key.is_empty()) {
                    self.branch(&above, Some(*key_use));
                }
            }
        }
    }

    /// The absolute keys of all structs, which may be anywhere below the prefix.
    fn absolute(&mut self, chain: &Rc<Chain<'s>>, prefix: &Prefix, secret: bool) {
        for member in &chain.branch.members {
            let field = member.field;
            for (name, path) in field.names().filter_map(|name| Some((name, name.below(prefix)?))) {
                let key_use = KeyUse::of(field, name, None);
                let key_use = KeyUse { secret: secret || key_use.secret, ..key_use };
                self.ahead.push((path, Ahead::of(member, key_use, chain)));
            }
            self.absolute_below(&member.content, chain, prefix, secret || field.secret);
        }
    }

    fn absolute_below(&mut self, content: &'s Content, chain: &Rc<Chain<'s>>, prefix: &Prefix, secret: bool) {
        match content {
            Content::Directory(branch) => {
                let chain = Rc::new(Chain { branch, up: Some(Rc::clone(chain)) });
                self.absolute(&chain, prefix, secret);
            }
            Content::Optional(inner) | Content::Each(inner) => {
                self.absolute_below(inner, chain, prefix, secret);
            }
            Content::Leaf(_) | Content::Map { .. } | Content::Above(_) => {}
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
        for (path, ahead) in &self.ahead {
            let Some(rest) = path.strip_prefix(name) else { continue };
            if rest.is_empty() {
                below.add_content(ahead);
                any = true;
            } else if let Some(rest) = rest.strip_prefix('/') {
                below.ahead.push((rest, ahead.clone()));
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
