//! Leases, and keys that live as long as one.

use std::sync::Arc;
use std::time::Duration;

use crate::store::{Lease, LeaseId, Leased, LeasedPut};
use crate::v3::calls::kv::{Get, Put};
use crate::v3::calls::lease::{LeaseGrant, LeaseKeepAlive, LeaseRevoke};
use crate::v3::calls::txn::{Compare, OperationResponse, Txn};
use crate::v3::net::pool::Pool;
use crate::v3::wire::key_range::KeyRange;
use crate::{Error, Kind};

pub(super) async fn grant(pool: Arc<Pool>, ttl: Duration) -> Result<Lease, Error> {
    let seconds = ttl.as_secs().saturating_add(u64::from(ttl.subsec_nanos() > 0)).max(1);
    let granted = LeaseGrant::new(pool, u32::try_from(seconds).unwrap_or(u32::MAX)).await?;
    if granted.id == LeaseId::NONE || granted.ttl == 0 {
        // Keys would be under no lease, and never go.
        return Err(Error::new(Kind::Protocol, "a lease was granted without a number or a time"));
    }
    Ok(Lease { id: granted.id, ttl: Duration::from_secs(granted.ttl) })
}

pub(super) async fn keep_alive(pool: Arc<Pool>, lease: LeaseId) -> Result<Duration, Error> {
    LeaseKeepAlive::new(pool, lease).await.map(|kept| Duration::from_secs(kept.ttl))
}

pub(super) async fn revoke(pool: Arc<Pool>, lease: LeaseId) -> Result<(), Error> {
    LeaseRevoke::new(pool, lease).await.map(drop)
}

/// Two transactions at most. etcd compares several things with *and*; a transaction inside of another would be an *or*,
/// but a server that only checks the permissions of the outer one would let it pass.
pub(super) async fn put(pool: Arc<Pool>, put: LeasedPut) -> Result<Leased, Error> {
    let LeasedPut { key, value, lease } = put;
    if lease == LeaseId::NONE {
        return Err(Error::invalid_input("a key cannot be put under no lease"));
    }
    let write = || Put::new(Arc::clone(&pool), key.clone(), value.clone()).lease(lease);
    let count = Get::new(Arc::clone(&pool), KeyRange::key(key.clone())).count_only();
    let own = Txn::new(Arc::clone(&pool)).when(Compare::lease_is(key.clone(), lease)).then(write());
    let answer = own.or_else(count).await?;
    if answer.succeeded {
        return Ok(Leased::At { revision: answer.header.revision, created: false });
    }
    if !matches!(answer.responses.last(), Some(OperationResponse::Get(found)) if found.count == 0) {
        return Ok(Leased::Taken);
    }
    let absent = Compare::version(key.clone()).equals(0);
    let answer = Txn::new(Arc::clone(&pool)).when(absent).then(write()).await?;
    let revision = answer.header.revision;
    Ok(if answer.succeeded { Leased::At { revision, created: true } } else { Leased::Taken })
}
