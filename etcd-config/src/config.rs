//! The trait that the derive implements.

use crate::decode::Decoder;
use crate::layout::Layout;

/// A struct whose fields are keys in etcd. Derive it; there is nothing to implement by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not derive `EtcdConfig`",
    label = "a nested field is a directory of keys, and `{Self}` does not say which",
    note = "add `#[derive(EtcdConfig)]` to `{Self}`; for one key that holds JSON, derive \
            `serde::Deserialize` for it and leave `nested` out"
)]
pub trait EtcdConfig: Sized + Send + Sync + 'static {
    #[doc(hidden)]
    const LAYOUT: &'static Layout;

    /// Reads the struct at the decoder's place. With `held`, brings that one up to date and
    /// answers `None`. Problems go to the decoder; every field is tried before any gives up.
    #[doc(hidden)]
    fn read(at: &mut Decoder<'_>, held: Option<&mut Self>) -> Option<Self>;
}
