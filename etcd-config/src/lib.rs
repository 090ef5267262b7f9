//! Typed, live configuration from etcd: derive a struct, every field is a key.

mod config;
mod decode;
mod error;
mod layout;
mod leaf;
mod problem;
mod schema;
mod tree;

pub use crate::config::EtcdConfig;
pub use crate::error::Error;
pub use crate::problem::{Kind as ProblemKind, Problem};
pub use crate::schema::Schema;

/// What derived code calls. Not for people: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::decode::{Decoder, checked, flattened, leaf, leaf_with, map, map_with, nested, refusal};
    pub use crate::layout::{Fallback, Field, Layout};
    pub use crate::schema::unknown::warnings;
    pub use crate::tree::{KeyTree, Touched};
}
