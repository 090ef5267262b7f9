//! Which fields a type has, as the decoder finds them, and what is wrong with their literal defaults.

use std::any::TypeId;

use etcd_client_core::Prefix;

use super::context::Context;
use super::decoder::Decoder;
use super::derived::Derived;
use crate::problem::Problem;
use crate::shape::branch::Branch;

/// The fields of a `T`.
pub(crate) fn survey<T: Derived>() -> Branch {
    survey_at::<T>(None).0
}

/// What is wrong with the literal defaults of a `T`.
pub(crate) fn defaults<T: Derived>(prefix: Prefix) -> Vec<Problem> {
    Context::with_environment::<T>(prefix, |_| None).default_problems().to_vec()
}

/// Both, for the keys below a prefix.
pub(super) fn survey_at<T: Derived>(prefix: Option<&Prefix>) -> (Branch, Vec<Problem>) {
    let mut decoder = Decoder::survey(prefix);
    let read = |at: &mut Decoder<'_>| drop(T::read(at, None));
    let members = decoder.members(TypeId::of::<T>(), read).unwrap_or_default();
    (Branch { layout: T::LAYOUT, members }, decoder.finish().problems)
}
