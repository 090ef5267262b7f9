//! What every answer holds.

use std::borrow::Cow;
use std::fmt;
use std::str::Utf8Error;

use bytes::Bytes;

use crate::printable::{Key, Length};
pub use crate::store::LeaseId;
use crate::v3::wire::messages as wire;

/// The member that answered, and the revision that its store had. Every answer has one. To watch what comes after a
/// read, begin at its revision and one: [`Watch::start_revision`](crate::v3::Watch::start_revision).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The cluster that answered.
    pub cluster_id: u64,
    /// The member that answered.
    pub member_id: u64,
    /// The newest revision of the whole store when the request was carried out.
    pub revision: u64,
    /// The Raft term then.
    pub raft_term: u64,
}

/// A key and everything that etcd knows of it. Keys and values are bytes. `Debug` shows the key, and the length of the
/// value.
///
/// ```no_run
/// # use etcd_client_core::{Error, v3::Client};
/// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
/// let found = client.get("/app/level").await?;
/// let Some(kv) = found.kv() else { return Ok(()) };
/// println!("{} = {}, written at revision {}", kv.key_lossy(), kv.value_str()?, kv.mod_revision);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyValue {
    /// The key.
    pub key: Bytes,
    /// The value; empty if only keys were asked for.
    pub value: Bytes,
    /// The revision that created the key.
    pub create_revision: u64,
    /// The revision that wrote it last.
    pub mod_revision: u64,
    /// How often it was written since it was created; 0 once it is deleted.
    pub version: u64,
    /// The lease that it is attached to, or [`LeaseId::NONE`].
    pub lease: LeaseId,
}

impl KeyValue {
    /// The key as text.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub fn key_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(&self.key)
    }

    /// The value as text.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub fn value_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(&self.value)
    }

    /// The key as text, whatever it takes: bytes that are not UTF-8 become `U+FFFD`.
    pub fn key_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.key)
    }
}

/// Values may be secrets, so only their length is shown.
impl fmt::Debug for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyValue")
            .field("key", &Key(&self.key))
            .field("value", &Length::of(&self.value))
            .field("create_revision", &self.create_revision)
            .field("mod_revision", &self.mod_revision)
            .field("version", &self.version)
            .field("lease", &self.lease)
            .finish()
    }
}

impl From<Option<wire::ResponseHeader>> for Header {
    fn from(header: Option<wire::ResponseHeader>) -> Self {
        let wire::ResponseHeader { cluster_id, member_id, revision, raft_term } = header.unwrap_or_default();
        Self { cluster_id, member_id, revision: unsigned(revision), raft_term }
    }
}

impl From<wire::KeyValue> for KeyValue {
    fn from(kv: wire::KeyValue) -> Self {
        Self {
            key: kv.key,
            value: kv.value,
            create_revision: unsigned(kv.create_revision),
            mod_revision: unsigned(kv.mod_revision),
            version: unsigned(kv.version),
            lease: LeaseId(kv.lease),
        }
    }
}

pub(in crate::v3) fn keys_and_values(kvs: Vec<wire::KeyValue>) -> Vec<KeyValue> {
    kvs.into_iter().map(KeyValue::from).collect()
}

/// Revisions and counts are signed on the wire, and never negative.
pub(in crate::v3) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A revision too large for the wire is in the future, as the largest one is.
pub(in crate::v3) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
