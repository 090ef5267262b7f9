//! What derived code says of a struct: its keys, and how they become a value.

use std::sync::Arc;

use super::decoder::Decoder;
use crate::shape::layout::Layout;

/// What `#[derive(EtcdConfig)]` implements, and all that reading a struct needs of it. Whatever is
/// `Derived` is an [`EtcdConfig`](crate::EtcdConfig), which is the trait for people.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not derive `EtcdConfig`",
    label = "`{Self}` does not say which keys its fields are",
    note = "add `#[derive(EtcdConfig)]` to `{Self}`; for one key that holds JSON, derive \
            `serde::Deserialize` for it and leave `nested` out"
)]
pub trait Derived: Sized + Send + Sync + 'static {
    #[doc(hidden)]
    const LAYOUT: &'static Layout;

    /// Reads the struct at the decoder's place. With `target`, brings that one up to date and
    /// answers `None`. Problems go to the decoder; every field is tried before any gives up.
    #[doc(hidden)]
    fn read(at: &mut Decoder<'_>, target: Option<&mut Self>) -> Option<Self>;
}

impl<T: Derived> Derived for Box<T> {
    const LAYOUT: &'static Layout = T::LAYOUT;

    fn read(at: &mut Decoder<'_>, target: Option<&mut Self>) -> Option<Self> {
        T::read(at, target.map(|target| &mut **target)).map(Self::new)
    }
}

impl<T: Derived> Derived for Arc<T> {
    const LAYOUT: &'static Layout = T::LAYOUT;

    fn read(at: &mut Decoder<'_>, target: Option<&mut Self>) -> Option<Self> {
        let Some(target) = target else { return T::read(at, None).map(Self::new) };
        if let Some(value) = Self::get_mut(target) {
            return T::read(at, Some(value)).map(Self::new);
        }
        // Someone took this handle out of a snapshot; theirs stays as it is.
        *target = Self::new(T::read(at, None)?);
        None
    }
}
