//! Whether what a server says can be true. What cannot is an error of that server.

use bytes::Bytes;

use crate::v3::wire::key_range::KeyRange;
use crate::v3::wire::messages::{
    KeyValue, NO_WATCH, RangeRequest, RangeResponse, ResponseHeader, WatchResponse,
};
use crate::{Error, Kind};

/// No store comes to it: at a million writes a second it would take thirty thousand years.
const BEYOND: i64 = 1 << 60;

/// A revision that a store can be at.
pub(in crate::v3) fn revision(claimed: i64) -> Result<u64, Error> {
    match u64::try_from(claimed) {
        Ok(revision) if (1..BEYOND).contains(&claimed) => Ok(revision),
        _ => Err(lie(format!("no store can be at revision {claimed}"))),
    }
}

/// The revision in a header.
pub(in crate::v3) fn head(header: Option<&ResponseHeader>) -> Result<u64, Error> {
    revision(header.map_or(0, |header| header.revision))
}

/// The answer to a request for a range: what was asked for, in order, as it can be at the store's revision.
pub(in crate::v3) fn range(request: &RangeRequest, answer: &RangeResponse) -> Result<(), Error> {
    let head = head(answer.header.as_ref())?;
    let limit = usize::try_from(request.limit).unwrap_or(0);
    let length = answer.kvs.len();
    if limit > 0 && length > limit || request.count_only && length > 0 {
        return Err(lie(format!("{length} keys are more than were asked for")));
    }
    if answer.more && length == 0 {
        return Err(lie("an empty page that is not the last"));
    }
    if usize::try_from(answer.count).is_ok_and(|count| count < length) || answer.count < 0 {
        return Err(lie(format!("{length} keys of {}", answer.count)));
    }
    let at = if request.revision > 0 { head.min(revision(request.revision)?) } else { head };
    let range = KeyRange { start: request.key.clone(), end: request.range_end.clone() };
    let mut before: Option<&Bytes> = None;
    for kv in &answer.kvs {
        entry(kv, &range, at)?;
        if before.is_some_and(|before| *before >= kv.key) {
            return Err(lie("keys in no order, or twice"));
        }
        before = Some(&kv.key);
    }
    Ok(())
}

/// A key and the revision that wrote it.
pub(in crate::v3) fn entry(kv: &KeyValue, range: &KeyRange, head: u64) -> Result<u64, Error> {
    if !range.contains(&kv.key) {
        return Err(lie("a key outside of what was asked for"));
    }
    let written = revision(kv.mod_revision)?;
    if written > head {
        return Err(lie(format!("a key of revision {written} in a store at revision {head}")));
    }
    Ok(written)
}

/// A frame of a watch that was confirmed with this id by a member of this cluster, 0 if unknown.
pub(in crate::v3) fn frame(frame: &WatchResponse, watch_id: i64, cluster: u64) -> Result<(), Error> {
    frame_of_stream(frame, cluster)?;
    if frame.created {
        return Err(lie("the watch is confirmed twice"));
    }
    // An answer to a request for progress is for all watches of the stream.
    if frame.watch_id != watch_id && !(frame.events.is_empty() && frame.watch_id == NO_WATCH) {
        return Err(unknown_watch(frame.watch_id));
    }
    Ok(())
}

/// A frame of any watch of a stream that a member of this cluster, 0 if unknown, has opened.
pub(in crate::v3) fn frame_of_stream(frame: &WatchResponse, cluster: u64) -> Result<(), Error> {
    head(frame.header.as_ref())?;
    let other = frame.header.as_ref().map_or(0, |header| header.cluster_id);
    if cluster != 0 && other != 0 && cluster != other {
        return Err(lie(format!("a change of cluster {other:x} on a watch of cluster {cluster:x}")));
    }
    if frame.fragment {
        return Err(lie("half of a revision, which was not asked for"));
    }
    Ok(())
}

/// A change for a watch that was never begun on the stream.
pub(in crate::v3) fn unknown_watch(watch_id: i64) -> Error {
    lie(format!("a change for another watch, {watch_id}"))
}

/// The confirmation or the refusal of a watch; `expected` is the one that comes next, if any was asked for.
pub(in crate::v3) fn confirmation(frame: &WatchResponse, expected: Option<i64>) -> Result<(), Error> {
    // Refusals of some versions, such as 3.5.1, name the watch; others name none.
    let Some(expected) = expected else { return Err(lie("the watch is confirmed twice")) };
    if frame.watch_id == expected || frame.canceled && frame.watch_id == NO_WATCH {
        return Ok(());
    }
    Err(lie(format!("the confirmation of watch {}, which was not to begin", frame.watch_id)))
}

/// The revision before which everything is compacted, as the end of a watch that was to begin with `start`
/// says. A watch that begins with it, or later, goes on.
pub(in crate::v3) fn compaction(claimed: i64, start: i64) -> Result<u64, Error> {
    let compacted = revision(claimed)?;
    if claimed <= start {
        return Err(lie(format!("revision {start} of a watch is compacted by a compaction at {compacted}")));
    }
    Ok(compacted)
}

/// Why something was refused. Only what names a revision can be about one that is compacted or in the
/// future.
pub(in crate::v3) fn refusal(error: &Error, names_revision: bool) -> Result<(), Error> {
    if names_revision || !matches!(error.kind(), Kind::Compacted | Kind::FutureRevision) {
        return Ok(());
    }
    Err(lie(format!("{error}, where no such revision was asked for")).with_source(error.clone()))
}

fn lie(what: impl Into<String>) -> Error {
    let what: String = what.into();
    Error::new(Kind::Protocol, format!("the answer cannot be etcd's: {what}"))
}
