//! Which fields a type has, as the decoder finds them.

use std::any::TypeId;

use super::decoder::Decoder;
use super::derived::Derived;
use crate::schema::branch::Branch;

/// The fields of a `T`.
pub(crate) fn survey<T: Derived>() -> Branch {
    let mut decoder = Decoder::survey();
    let read = |at: &mut Decoder<'_>| drop(T::read(at, None));
    let members = decoder.members(TypeId::of::<T>(), read).unwrap_or_default();
    Branch { layout: T::LAYOUT, members }
}
