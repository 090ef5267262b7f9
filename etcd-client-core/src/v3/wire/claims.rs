//! Whether what a server says can be true. What cannot is an error of that server.

use bytes::Bytes;

use crate::v3::wire::key_range::KeyRange;
use crate::v3::wire::messages::{
    KeyValue, NO_WATCH, RangeRequest, RangeResponse, Request, RequestOp, Response, ResponseHeader,
    TxnRequest, TxnResponse, WatchResponse,
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
    range_at(head(answer.header.as_ref())?, request, answer)
}

/// The answer to a transaction of nothing but ranges: each as it can be at the one revision. Of other transactions
/// nothing is said here.
pub(in crate::v3) fn reads(request: &TxnRequest, answer: &TxnResponse) -> Result<(), Error> {
    let ranges: Option<Vec<&RangeRequest>> = request.success.iter().map(range_of).collect();
    let Some(ranges) = ranges.filter(|_| request.compare.is_empty()) else { return Ok(()) };
    let head = head(answer.header.as_ref())?;
    if answer.responses.len() != ranges.len() {
        let (asked, answers) = (ranges.len(), answer.responses.len());
        return Err(lie(format!("{answers} answers to the {asked} operations of a transaction")));
    }
    ranges.into_iter().zip(&answer.responses).try_for_each(|(request, response)| match &response.response {
        Some(Response::Range(answer)) => range_at(head, request, answer),
        _ => Err(lie("a read is answered by something else")),
    })
}

fn range_of(operation: &RequestOp) -> Option<&RangeRequest> {
    match &operation.request {
        Some(Request::Range(request)) => Some(request),
        _ => None,
    }
}

/// The same of a store at revision `head`.
fn range_at(head: u64, request: &RangeRequest, answer: &RangeResponse) -> Result<(), Error> {
    let at = if request.revision > 0 { revision(request.revision)? } else { head };
    if at > head {
        return Err(lie(format!("the state of revision {at} in a store at revision {head}")));
    }
    number_of_keys(request, answer)?;
    let range = KeyRange { start: request.key.clone(), end: request.range_end.clone() };
    let mut before: Option<&Bytes> = None;
    for kv in &answer.kvs {
        let written = entry(kv, &range, at)?;
        if kv.mod_revision < request.min_mod_revision {
            let min = request.min_mod_revision;
            return Err(lie(format!("a key of revision {written}, and not of {min} or later")));
        }
        if before.is_some_and(|before| *before >= kv.key) {
            return Err(lie("keys in no order, or twice"));
        }
        before = Some(&kv.key);
    }
    Ok(())
}

/// How many keys come, and how many there are said to be: in the whole range, whatever was asked for of it.
fn number_of_keys(request: &RangeRequest, answer: &RangeResponse) -> Result<(), Error> {
    let limit = usize::try_from(request.limit).unwrap_or(0);
    let length = answer.kvs.len();
    if limit > 0 && length > limit || request.count_only && length > 0 {
        return Err(lie(format!("{length} keys are more than were asked for")));
    }
    if answer.more && length == 0 {
        return Err(lie("an empty page that is not the last"));
    }
    if answer.more && limit == 0 {
        return Err(lie("a part of the keys, where all were asked for"));
    }
    let is_whole = !answer.more && !request.count_only && request.min_mod_revision <= 0;
    let is_possible = match usize::try_from(answer.count) {
        Ok(count) if is_whole => count == length,
        Ok(count) if answer.more => count > length,
        Ok(count) => count >= length,
        Err(_) => false,
    };
    if is_possible {
        return Ok(());
    }
    let page = if answer.more { "with more to follow" } else { "and no more" };
    Err(lie(format!("{length} keys of {}, {page}", answer.count)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::wire::messages::ResponseOp;

    fn request() -> RangeRequest {
        RangeRequest { key: "a".into(), range_end: "z".into(), limit: 2, ..RangeRequest::default() }
    }

    /// At revision 9.
    fn answer(keys: &[(&'static str, i64)], count: i64) -> RangeResponse {
        let kv = |(key, mod_revision): &(&'static str, i64)| KeyValue {
            key: (*key).into(),
            mod_revision: *mod_revision,
            ..KeyValue::default()
        };
        RangeResponse {
            header: Some(ResponseHeader { revision: 9, ..ResponseHeader::default() }),
            kvs: keys.iter().map(kv).collect(),
            count,
            ..RangeResponse::default()
        }
    }

    #[track_caller]
    fn refused(request: &RangeRequest, answer: &RangeResponse, words: &str) {
        let error = range(request, answer).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn keys_that_were_written_before_what_was_asked_for_are_a_lie() {
        let request = RangeRequest { min_mod_revision: 7, ..request() };
        range(&request, &answer(&[("b", 7)], 3)).unwrap();
        range(&request, &answer(&[], 0)).unwrap();
        refused(&request, &answer(&[("b", 6)], 3), "a key of revision 6, and not of 7");
        refused(&request, &answer(&[("b", 10)], 3), "a key of revision 10 in a store at revision 9");
        refused(&request, &answer(&[("b", 7), ("c", 8)], 1), "2 keys of 1, and no more");
        refused(&request, &answer(&[], -1), "0 keys of -1");
        let more = |answer| RangeResponse { more: true, ..answer };
        range(&request, &more(answer(&[("b", 7), ("c", 8)], 3))).unwrap();
        let whole = RangeRequest { limit: 0, ..request };
        refused(&whole, &more(answer(&[("b", 7)], 3)), "a part of the keys");
    }

    #[test]
    fn a_last_page_has_as_many_keys_as_are_left_and_any_other_has_fewer() {
        let two = [("b", 1), ("c", 2)];
        range(&request(), &answer(&two, 2)).unwrap();
        refused(&request(), &answer(&two, 3), "2 keys of 3, and no more");
        let more = |count| RangeResponse { more: true, ..answer(&two, count) };
        range(&request(), &more(3)).unwrap();
        refused(&request(), &more(2), "2 keys of 2, with more to follow");
        let counting = RangeRequest { count_only: true, limit: 0, ..request() };
        range(&counting, &answer(&[], 70)).unwrap();
    }

    #[test]
    fn each_read_of_a_transaction_is_held_against_what_it_asked_for() {
        let op = |request| RequestOp { request: Some(Request::Range(request)) };
        let asked = TxnRequest { success: vec![op(request()), op(request())], ..TxnRequest::default() };
        let header = answer(&[], 0).header;
        let of = |answers: Vec<RangeResponse>| {
            let response = |answer| ResponseOp { response: Some(Response::Range(answer)) };
            let responses = answers.into_iter().map(response).collect();
            TxnResponse { header: header.clone(), succeeded: true, responses }
        };
        // The answers in it may have no header of their own.
        let inner = |answer| RangeResponse { header: None, ..answer };
        let right = || inner(answer(&[("b", 9)], 1));
        reads(&asked, &of(vec![right(), right()])).unwrap();
        let words = |answers| reads(&asked, &of(answers)).unwrap_err().to_string();
        assert!(words(vec![right()]).contains("1 answers to the 2 operations"));
        let future = inner(answer(&[("b", 10)], 1));
        assert!(
            words(vec![right(), future.clone()]).contains("a key of revision 10 in a store at revision 9")
        );
        let other = TxnResponse { responses: vec![ResponseOp::default(); 2], ..of(vec![]) };
        assert!(reads(&asked, &other).unwrap_err().to_string().contains("by something else"));
        // Of a condition it is not known which operations were carried out.
        let compare = vec![crate::v3::wire::messages::Compare::default()];
        reads(&TxnRequest { compare, ..asked }, &of(vec![future])).unwrap();
    }

    #[test]
    fn a_state_of_the_past_is_not_of_the_future() {
        let at = |revision| RangeRequest { revision, ..request() };
        range(&at(9), &answer(&[("b", 9)], 1)).unwrap();
        refused(&at(8), &answer(&[("b", 9)], 1), "a key of revision 9 in a store at revision 8");
        refused(&at(10), &answer(&[("b", 9)], 1), "the state of revision 10 in a store at revision 9");
    }
}
