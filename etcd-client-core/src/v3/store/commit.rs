//! Guarded writes as one transaction.

use std::sync::Arc;

use crate::store::{Committed, GuardedWrites, Prefix};
use crate::v3::calls::kv::{Delete, Get, Put};
use crate::v3::calls::txn::{Compare, OperationResponse, Txn};
use crate::v3::net::pool::Pool;
use crate::v3::wire::key_range::KeyRange;
use crate::{Error, Kind};

/// etcd takes so many comparisons, and as many operations, in a transaction (`--max-txn-ops`).
const LIMIT: usize = 128;

/// One operation counts the keys; the others may be writes.
pub(super) const WRITES_AT_ONCE: usize = LIMIT - 1;

/// Writes if nothing below the prefix was written since, and the keys that must be there are there. Only the first of those
/// are conditions. The others can only have been deleted, as nothing was written; then the count of the keys, which is
/// taken in the same transaction, is too small.
pub(super) async fn commit(pool: &Arc<Pool>, guarded: GuardedWrites) -> Result<Committed, Error> {
    let count = guarded.count_after();
    let GuardedWrites { prefix, known, present, writes } = guarded;
    if writes.len() > WRITES_AT_ONCE {
        let message = format!(
            "{} writes, and a transaction takes {WRITES_AT_ONCE} besides the count of the keys",
            writes.len()
        );
        return Err(Error::new(Kind::InvalidRequest, message));
    }
    let newest = Compare::mod_revision(prefix.directory()).is_less_than(known.revision.saturating_add(1));
    let mut txn = Txn::new(Arc::clone(pool)).when(newest.prefix());
    for key in present.iter().take(LIMIT - 1) {
        txn = txn.when(Compare::version(key.clone()).is_greater_than(0));
    }
    for write in writes {
        txn = match write.value {
            Some(value) => txn.then(Put::new(Arc::clone(pool), write.key, value)),
            None => txn.then(Delete::new(Arc::clone(pool), KeyRange::key(write.key))),
        };
    }
    let answer = txn.then(counting(pool, &prefix)).await?;
    if !answer.succeeded {
        return Ok(Committed::Conflict);
    }
    let same_cluster = known.cluster == 0 || known.cluster == answer.header.cluster_id;
    let same_count = match answer.responses.last() {
        Some(OperationResponse::Get(found)) => usize::try_from(found.count) == Ok(count),
        _ => false,
    };
    Ok(Committed::At { revision: answer.header.revision, proven: same_cluster && same_count })
}

fn counting(pool: &Arc<Pool>, prefix: &Prefix) -> Get {
    Get::new(Arc::clone(pool), super::range(prefix)).count_only()
}
