//! The fields of a configuration that have several names: what layers of keys have to know of it.

use etcd_client_core::Prefix;

use super::branch::{Branch, Content, Member};
use super::field_key::FieldKey;
use crate::tree::field_names::{
    FieldName, FieldNames, Inner, NamedContent, NamedField, NamedStruct, Presence, rest_of,
};

impl Branch {
    /// The fields that have several names below the prefix, and those that lead to such; `None` if none has.
    pub(crate) fn several_names(&self, prefix: &Prefix) -> Option<FieldNames> {
        if !has_several(self) {
            return None;
        }
        let mut search = Search { prefix, tangled: false, wants_all: false };
        let top = search.of_struct(self);
        if !search.tangled {
            return Some(FieldNames { top, tangled: false });
        }
        // What lies in the place of a field with several names may be of any other.
        let top = Search { wants_all: true, ..search }.of_struct(self);
        Some(FieldNames { top, tangled: true })
    }
}

fn has_several(branch: &Branch) -> bool {
    branch.members.iter().any(|member| !member.field.aliases.is_empty() || leads_to_several(&member.content))
}

fn leads_to_several(content: &Content) -> bool {
    match content {
        Content::Directory(branch) => has_several(branch),
        Content::Optional(inner) | Content::Each(inner) => leads_to_several(inner),
        Content::Leaf(_) | Content::Map { .. } | Content::Above(_) => false,
    }
}

struct Search<'p> {
    prefix: &'p Prefix,
    tangled: bool,
    /// Also the fields that have one name, and lead to no others.
    wants_all: bool,
}

impl Search<'_> {
    fn of_struct(&mut self, branch: &Branch) -> NamedStruct {
        self.look_for_tangles(branch);
        let fields = branch.members.iter().filter_map(|member| self.field(member)).collect();
        NamedStruct { fields }
    }

    /// `None` if it matters to no field with several names.
    fn field(&mut self, member: &Member) -> Option<NamedField> {
        let names = self.names(member);
        let content = self.content(&member.content);
        let matters = names.len() > 1 || !matches!(content.inner, Inner::Nothing);
        // By an absolute name it may be anywhere.
        self.tangled |= matters && names.iter().any(|name| matches!(name, FieldName::Absolute(_)));
        ((matters || self.wants_all) && !names.is_empty()).then_some(NamedField { names, content })
    }

    /// The names below the prefix; none if the key is not.
    fn names(&self, member: &Member) -> Vec<FieldName> {
        let name = |name: FieldKey| match name {
            FieldKey::Relative(path) => Some(FieldName::Relative(path)),
            FieldKey::Absolute(_) => name.below(self.prefix).map(FieldName::Absolute),
        };
        let mut names = member.field.names().map(name);
        match names.next().flatten() {
            Some(key) => std::iter::once(key).chain(names.flatten()).collect(),
            None => Vec::new(),
        }
    }

    fn content(&mut self, content: &Content) -> NamedContent {
        match content {
            Content::Leaf(_) => NamedContent { presence: Presence::Value, inner: Inner::Nothing },
            Content::Map { .. } => NamedContent { presence: Presence::Children, inner: Inner::Nothing },
            Content::Directory(branch) => {
                let fields = self.of_struct(branch);
                let presence = if branch.layout.newtype { Presence::Any } else { Presence::Children };
                let inner = if fields.fields.is_empty() { Inner::Nothing } else { Inner::Struct(fields) };
                NamedContent { presence, inner }
            }
            Content::Optional(inner) => self.content(inner),
            Content::Each(inner) => {
                let entry = self.content(inner);
                let inner = match entry.inner {
                    Inner::Nothing => Inner::Nothing,
                    _ => Inner::Entries(Box::new(entry)),
                };
                NamedContent { presence: Presence::Children, inner }
            }
            Content::Above(levels) => {
                NamedContent { presence: Presence::Children, inner: Inner::Above(*levels) }
            }
        }
    }

    /// Whether a name lies in the place of another field of the same struct.
    fn look_for_tangles(&mut self, branch: &Branch) {
        let mut names = Vec::new();
        names_in_place(branch, &mut names);
        let is_tangled = |(number, (name, has_several)): (usize, &(&str, bool))| {
            names.iter().enumerate().any(|(other, (above, too))| {
                number != other && (*has_several || *too) && rest_of(name, above).is_some()
            })
        };
        self.tangled |= names.iter().enumerate().any(is_tangled);
    }
}

/// The relative names of all fields in the directory of a struct, and whether their fields have several, or lead to such.
fn names_in_place(branch: &Branch, names: &mut Vec<(&'static str, bool)>) {
    for member in &branch.members {
        let own = member.field.names().filter_map(|name| match name {
            FieldKey::Relative(path) => Some(path),
            FieldKey::Absolute(_) => None,
        });
        let matters = !member.field.aliases.is_empty() || leads_to_several(&member.content);
        match &member.content {
            Content::Directory(inner) if member.field.key.is_empty() && !inner.layout.newtype => {
                names_in_place(inner, names);
            }
            _ => names.extend(own.filter(|name| !name.is_empty()).map(|name| (name, matters))),
        }
    }
}
