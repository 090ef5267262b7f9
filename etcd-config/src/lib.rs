//! Typed, live configuration from etcd: derive a struct, every field is a key.

mod background;
mod board;
mod cache;
mod changes;
mod config;
mod decode;
mod driver;
mod error;
mod explain;
mod hooks;
mod into_store;
mod layout;
mod leaf;
mod live;
mod loaded;
mod options;
mod panics;
mod placeholder;
mod problem;
mod publisher;
mod reader;
mod rejection;
mod schema;
mod snapshot;
mod standing;
mod status;
mod tree;
mod twin;

pub use etcd_client_core::{MemoryStore, watcher::Cause};
pub use etcd_config_derive::EtcdConfig;

pub use crate::changes::{Change, Changes};
pub use crate::config::EtcdConfig;
pub use crate::error::Error;
pub use crate::explain::{Explanation, Origin, Row};
pub use crate::hooks::Subscription;
pub use crate::into_store::IntoStore;
pub use crate::live::Live;
pub use crate::options::Options;
pub use crate::problem::{Kind as ProblemKind, Problem};
pub use crate::reader::Reader;
pub use crate::rejection::Rejection;
pub use crate::schema::{Default as FieldDefault, Field, Schema};
pub use crate::snapshot::{Guard, Snapshot};
pub use crate::status::{CacheFile, Counters, Source, State, Status};

/// What derived code calls. Not for people: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use serde::de::DeserializeOwned;

    pub use crate::config::EtcdConfig;
    pub use crate::decode::{
        Context, Decoder, checked, decode, flattened, leaf, leaf_with, map, map_with, nested, refusal,
        skipped, update,
    };
    pub use crate::explain::explain;
    pub use crate::layout::{Fallback, Field, Layout};
    pub use crate::problem::Report;
    pub use crate::schema::unknown::warnings;
    pub use crate::tree::{KeyTree, Touched};
}
