//! What was written to a prefix since a revision.

use std::sync::Arc;

use bytes::Bytes;

use crate::store::{Delta, Entry};
use crate::v3::net::pool::Pool;
use crate::v3::wire::key_range::KeyRange;
use crate::v3::wire::messages::{RangeRequest, ResponseHeader};
use crate::v3::wire::response::{signed, unsigned};
use crate::{Error, Kind};

/// The most keys that are asked for: more are listed page by page.
const MOST: i64 = 10_000;

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
        let message = format!("more than {MOST} keys were written since revision {since}");
        return Err(Error::new(Kind::TooLarge, message));
    }
    if answer.kvs.iter().any(|kv| unsigned(kv.mod_revision) < since) {
        let message = format!("the answer has keys that were written before revision {since}");
        return Err(Error::new(Kind::Protocol, message));
    }
    let ResponseHeader { cluster_id, revision, .. } = answer.header.unwrap_or_default();
    // The keys stay, and must not keep the whole answer in memory.
    let own = |part: &Bytes| Bytes::copy_from_slice(part);
    let entries = answer.kvs.iter().map(|kv| Entry {
        key: own(&kv.key),
        value: own(&kv.value),
        revision: unsigned(kv.mod_revision),
    });
    Ok(Delta {
        revision: unsigned(revision),
        cluster: cluster_id,
        count: usize::try_from(answer.count).unwrap_or_default(),
        entries: entries.collect(),
    })
}
