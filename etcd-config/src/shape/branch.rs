//! The fields of a struct with those of the structs below it, as the decoder found them.

use std::sync::Arc;

use etcd_client_core::Prefix;

use crate::leaf::Expectation;
use crate::shape::layout::{Field, Layout};
use crate::tree::Node;

/// A derived struct and what its fields are.
#[derive(Debug)]
pub struct Branch {
    pub layout: &'static Layout,
    pub members: Vec<Member>,
}

/// A field and what it is.
#[derive(Debug)]
pub struct Member {
    pub field: &'static Field,
    pub content: Content,
}

/// What there is at the key of a field.
#[derive(Debug)]
pub enum Content {
    /// One key.
    Leaf(Expectation),
    /// A directory whose keys are the entries of a map; `ty` is the type of one.
    Map { entry: Expectation, ty: String },
    /// A directory that is a struct.
    Directory(Arc<Branch>),
    /// A directory that may be missing.
    Optional(Box<Content>),
    /// A directory whose directories are the entries of a map.
    Each(Box<Content>),
    /// The struct so many levels up again: a recursive type.
    Above(usize),
}

impl Branch {
    /// The paths below the prefix of all absolute names, those of the structs below included.
    pub(crate) fn absolute(&self, prefix: &Prefix) -> Vec<&'static str> {
        let of_member = |member: &Member| {
            let own = member.field.names().filter_map(|name| name.below(prefix));
            own.chain(member.content.branch().into_iter().flat_map(|branch| branch.absolute(prefix)))
                .collect()
        };
        self.members.iter().flat_map::<Vec<_>, _>(of_member).collect()
    }
}

impl Content {
    /// The struct that is read there, if it is not one above.
    fn branch(&self) -> Option<&Branch> {
        match self {
            Self::Directory(branch) => Some(branch),
            Self::Optional(inner) | Self::Each(inner) => inner.branch(),
            Self::Leaf(_) | Self::Map { .. } | Self::Above(_) => None,
        }
    }

    /// Whether the keys at a place make a value of it. That is for what may be missing; a struct that may not be is
    /// read all the same, from its defaults.
    pub fn is_present(&self, node: Node<'_>) -> bool {
        match self {
            Self::Leaf(_) => node.value.is_some(),
            Self::Directory(branch) => branch.layout.newtype || !node.children.is_empty(),
            Self::Optional(inner) => inner.is_present(node),
            Self::Map { .. } | Self::Each(_) | Self::Above(_) => !node.children.is_empty(),
        }
    }
}
