//! What was written to a prefix since a revision.

use std::sync::Arc;

use bytes::Bytes;

use crate::store::{Delta, Entry};
use crate::v3::net::pool::Pool;
use crate::v3::wire::key_range::KeyRange;
use crate::v3::wire::messages::{KeyValue, RangeRequest, ResponseHeader};
use crate::v3::wire::response::{signed, unsigned};
use crate::{Error, Kind};

/// The most keys that are asked for: more are listed page by page.
pub(super) const MOST: i64 = 10_000;

/// The keys that were written at a revision or later, as the server has filtered them, and the number of all. It comes
/// in one answer, so no compaction can interrupt it.
pub(in crate::v3) async fn written_since(
    pool: &Arc<Pool>,
    range: KeyRange,
    since: u64,
) -> Result<Delta, Error> {
    let question = RangeRequest {
        key: range.start,
        range_end: range.end,
        limit: MOST,
        min_mod_revision: signed(since),
        ..RangeRequest::default()
    };
    let answer = pool.call_once(question).await?;
    if answer.more {
        return Err(too_many(since));
    }
    let ResponseHeader { cluster_id, revision, .. } = answer.header.unwrap_or_default();
    Ok(Delta {
        revision: unsigned(revision),
        cluster: cluster_id,
        count: usize::try_from(answer.count).unwrap_or_default(),
        entries: answer.kvs.iter().map(entry).collect(),
    })
}

pub(super) fn too_many(since: u64) -> Error {
    Error::new(Kind::TooLarge, format!("more than {MOST} keys were written since revision {since}"))
}

/// The keys stay, and must not keep the whole answer in memory.
pub(super) fn entry(kv: &KeyValue) -> Entry {
    let own = |part: &Bytes| Bytes::copy_from_slice(part);
    Entry { key: own(&kv.key), value: own(&kv.value), revision: unsigned(kv.mod_revision) }
}
