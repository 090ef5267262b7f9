//! Which fields a type has, as the decoder finds them, and what is wrong with their literal defaults.

use std::any::TypeId;

use etcd_client_core::{Listing, Prefix};

use super::context::Context;
use super::decoder::Decoder;
use super::derived::Derived;
use crate::problem::Problem;
use crate::shape::branch::Branch;
use crate::shape::layout::Layout;
use crate::tree::KeyTree;

/// The fields of a `T`.
pub(crate) fn survey<T: Derived>() -> Branch {
    Type::of::<T>().survey(None).0
}

/// The tree of a listing, as it is read as a `T`.
pub(crate) fn tree_of<T: Derived>(prefix: &Prefix, listing: &Listing) -> KeyTree {
    KeyTree::load(prefix.clone(), listing).naming(|| survey::<T>().several_names(prefix))
}

/// What is wrong with the literal defaults of a `T`.
pub(crate) fn defaults<T: Derived>(prefix: Prefix) -> Vec<Problem> {
    Context::with_environment::<T>(prefix, |_| None).default_problems().to_vec()
}

/// A type, for code that is compiled once for all of them.
#[derive(Clone, Copy)]
pub(super) struct Type {
    pub(super) id: TypeId,
    layout: &'static Layout,
    /// Reads a value for what is found out on the way.
    look: fn(&mut Decoder<'_>),
}

impl Type {
    pub(super) fn of<T: Derived>() -> Self {
        Self { id: TypeId::of::<T>(), layout: T::LAYOUT, look: |at| drop(T::read(at, None)) }
    }

    /// The fields and what is wrong with their literal defaults, for the keys below a prefix.
    pub(super) fn survey(self, prefix: Option<&Prefix>) -> (Branch, Vec<Problem>) {
        let mut decoder = Decoder::survey(prefix);
        let members = decoder.members(self.id, self.look).unwrap_or_default();
        (Branch { layout: self.layout, members }, decoder.finish().problems)
    }
}
