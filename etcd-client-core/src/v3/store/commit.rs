//! Guarded writes as one transaction.

use std::sync::Arc;

use bytes::Bytes;

use crate::store::{Committed, GuardedWrites, Prefix};
use crate::v3::calls::kv::{Delete, Get, Put};
use crate::v3::calls::txn::{Compare, OperationResponse, Txn};
use crate::v3::net::pool::Pool;
use crate::v3::wire::key_range::KeyRange;
use crate::{Error, Kind};

/// etcd takes so many comparisons, and as many operations, in a transaction (`--max-txn-ops`).
const LIMIT: usize = 128;

/// One operation counts the keys; the others may be writes. Each further directory takes one as well.
pub(super) const WRITES_AT_ONCE: usize = LIMIT - 1;

/// Writes if nothing in the directories of the prefix was written since, and the keys that must be there are there. Only
/// the first of those are conditions. The others can only have been deleted, as nothing was written; then the count of
/// the keys, which is taken in the same transaction, is too small.
pub(super) async fn commit(pool: &Arc<Pool>, guarded: GuardedWrites) -> Result<Committed, Error> {
    let count = guarded.count_after();
    let GuardedWrites { prefix, known, present, writes } = guarded;
    let rest = LIMIT - prefix.directories().len();
    if writes.len() > rest {
        let message =
            format!("{} writes, and a transaction takes {rest} besides the count of the keys", writes.len());
        return Err(Error::new(Kind::InvalidRequest, message));
    }
    let mut txn = Txn::new(Arc::clone(pool));
    for directory in prefix.directories() {
        let newest = Compare::mod_revision(directory).is_less_than(known.revision.saturating_add(1));
        txn = txn.when(newest.prefix());
    }
    for key in present.iter().take(rest) {
        txn = txn.when(Compare::version(key.clone()).is_greater_than(0));
    }
    for write in writes {
        txn = match write.value {
            Some(value) => txn.then(Put::new(Arc::clone(pool), write.key, value)),
            None => txn.then(Delete::new(Arc::clone(pool), KeyRange::key(write.key))),
        };
    }
    let answer = prefix.parts().fold(txn, |txn, directory| txn.then(counting(pool, &directory))).await?;
    if !answer.succeeded {
        return Ok(Committed::Conflict);
    }
    let same_cluster = known.cluster == 0 || known.cluster == answer.header.cluster_id;
    let counted = answer.responses.iter().filter_map(|response| match response {
        OperationResponse::Get(found) => usize::try_from(found.count).ok(),
        _ => None,
    });
    let counts: Vec<usize> = counted.collect();
    let same_count = counts.len() == prefix.directories().len() && counts.iter().sum::<usize>() == count;
    Ok(Committed::At { revision: answer.header.revision, proven: same_cluster && same_count })
}

/// Asks by transactions that are never made: etcd looks at the rights to all operations before it compares anything, and
/// no version is less than 0.
pub(super) async fn may_write(pool: &Arc<Pool>, keys: &[Bytes]) -> Result<(), Error> {
    for keys in keys.chunks(LIMIT) {
        let never = Txn::new(Arc::clone(pool)).when(Compare::version(keys[0].clone()).is_less_than(0));
        let put = |key: &Bytes| Put::new(Arc::clone(pool), key.clone(), Bytes::new());
        keys.iter().map(put).fold(never, Txn::then).await?;
    }
    Ok(())
}

fn counting(pool: &Arc<Pool>, prefix: &Prefix) -> Get {
    Get::new(Arc::clone(pool), super::range(prefix)).count_only()
}
