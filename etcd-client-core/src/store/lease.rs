//! Leases, and keys that live as long as one.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::printable::{Key, Length};

/// The number of a lease, from [`Store::grant_lease`](crate::Store::grant_lease) or
/// [`v3::Client::lease_grant`](crate::v3::Client::lease_grant). `Display` writes it as etcdctl does, in hexadecimal.
///
/// ```
/// use etcd_client_core::LeaseId;
///
/// assert_eq!(LeaseId(0x32695410dcc0ca06).to_string(), "32695410dcc0ca06");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub i64);

impl LeaseId {
    /// No lease: a key without one stays until it is deleted.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// A lease that was granted, from [`Store::grant_lease`](crate::Store::grant_lease). It ends when it is
/// [revoked](crate::Store::revoke_lease), or not [kept alive](crate::Store::keep_lease_alive) for its time, and its keys
/// are deleted then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its number.
    pub id: LeaseId,
    /// How long it lasts from now on; a server may grant more than was asked for.
    pub ttl: Duration,
}

/// A key that is to live as long as a lease, for [`Store::put_with_lease`](crate::Store::put_with_lease). `Debug` does not
/// show the value, which may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct LeasedPut {
    /// The whole key.
    pub key: Bytes,
    /// The new value.
    pub value: Bytes,
    /// The lease.
    pub lease: LeaseId,
}

/// What came of [`Store::put_with_lease`](crate::Store::put_with_lease).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leased {
    /// The key is written, and under the lease.
    At {
        /// The revision of the write.
        revision: u64,
        /// Whether the key was not there before. An earlier call whose answer was lost may have created it.
        created: bool,
    },
    /// Nothing is written: the key is there, and not under this lease.
    Taken,
}

impl fmt::Debug for LeasedPut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasedPut")
            .field("key", &Key(&self.key))
            .field("value", &Length::of(&self.value))
            .field("lease", &self.lease)
            .finish()
    }
}
