//! Which fields a type has, as the decoder finds them.

use std::any::TypeId;
use std::ffi::OsString;

use etcd_client_core::Prefix;

use super::context::Context;
use super::decoder::Decoder;
use super::derived::Derived;
use crate::schema::Schema;
use crate::schema::branch::Branch;

/// The fields of a `T`.
pub(crate) fn survey<T: Derived>() -> Branch {
    let mut decoder = Decoder::survey();
    let read = |at: &mut Decoder<'_>| drop(T::read(at, None));
    let members = decoder.members(TypeId::of::<T>(), read).unwrap_or_default();
    Branch { layout: T::LAYOUT, members }
}

impl Context {
    /// For reading a `T` from below `prefix`, with the environment of this process.
    pub fn new<T: Derived>(prefix: Prefix) -> Self {
        Self::with_environment::<T>(prefix, |name| std::env::var_os(name))
    }

    /// The same with another environment.
    pub fn with_environment<T: Derived>(prefix: Prefix, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        Self::of(Schema::new(survey::<T>(), &prefix), prefix, variable)
    }
}
