//! A whole prefix at one revision, page by page.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use crate::store::{HistoryMark, Known};
use crate::v3::net::pool::Pool;
use crate::v3::wire::key_range::KeyRange;
use crate::v3::wire::messages::{KeyValue, RangeRequest, RangeResponse, ResponseHeader};
use crate::v3::wire::response::{signed, unsigned};
use crate::{Entry, Error, Kind, Listing};

/// Keys in the first page: few enough to learn their size before much is asked for.
const FIRST_PAGE: i64 = 1_000;
const LARGEST_PAGE: i64 = 50_000;
/// Keys with large values are fetched in pages of about this many bytes.
const PAGE_BYTES: usize = 16 << 20;
/// How often a listing begins anew because the server compacts faster than it answers.
const ATTEMPTS: u32 = 5;
/// How much larger its first page is then: what comes in one answer, no compaction can interrupt.
const GROWTH: i64 = 8;
/// How often a page is asked for again if the connection breaks.
const INTERRUPTIONS: u32 = 2;

/// Every key of a range with its value, at this revision, or at that of the first page.
pub(in crate::v3) async fn list(
    pool: &Arc<Pool>,
    range: KeyRange,
    revision: Option<u64>,
) -> Result<Listing, Error> {
    if revision == Some(0) {
        return Err(Error::no_revision_zero());
    }
    let mut attempts = Attempts::at(revision);
    loop {
        let pages = Pages::new(range.clone(), attempts.first_page, pool.options().receive_limit).at(revision);
        if let Some(outcome) = attempts.outcome(pages.read(pool).await) {
            return outcome;
        }
    }
}

/// The attempts of one listing.
pub(super) struct Attempts {
    made: u32,
    /// Whether it is of the present, so that another attempt may be at a later revision.
    of_present: bool,
    pub(super) first_page: i64,
}

impl Attempts {
    pub(super) fn at(revision: Option<u64>) -> Self {
        Self { made: 0, of_present: revision.is_none(), first_page: FIRST_PAGE }
    }

    /// What comes of an attempt; `None` if there is to be another.
    pub(super) fn outcome(
        &mut self,
        attempt: Result<Option<Listing>, Error>,
    ) -> Option<Result<Listing, Error>> {
        self.made += 1;
        match attempt {
            Err(error) if error.kind() == Kind::Compacted && self.of_present && self.made < ATTEMPTS => {
                self.first_page *= GROWTH;
                None
            }
            Ok(Some(listing)) => Some(Ok(listing)),
            Ok(None) if self.made < ATTEMPTS => None,
            Ok(None) => {
                let message = "the endpoints belong to different clusters, so that no listing is of one";
                Some(Err(Error::new(Kind::Unavailable, message)))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// Whether a range had this past: so many keys, and these as the ones written last. The answer is as
/// small as they are, however many keys there are.
pub(in crate::v3) async fn has_history(
    pool: &Arc<Pool>,
    range: KeyRange,
    past: &HistoryMark,
) -> Result<bool, Error> {
    let newest = past.newest.first().map_or(past.revision, |entry| entry.revision);
    let question = RangeRequest {
        key: range.start,
        range_end: range.end,
        revision: signed(past.revision),
        min_mod_revision: signed(newest),
        ..RangeRequest::default()
    };
    match pool.call_once(question).await {
        Ok(answer) => {
            let is_same = |(kv, entry): (&KeyValue, &Entry)| {
                (&kv.key, &kv.value, unsigned(kv.mod_revision)) == (&entry.key, &entry.value, entry.revision)
            };
            let count = usize::try_from(answer.count).unwrap_or_default();
            let same_newest =
                answer.kvs.len() == past.newest.len() && answer.kvs.iter().zip(&past.newest).all(is_same);
            Ok(count == past.count && same_newest)
        }
        Err(error) if error.kind() == Kind::FutureRevision => Ok(false),
        Err(error) => Err(error),
    }
}

/// The newest revision of the store if it still has what is known of a range: there are as many keys, and
/// none was written since. The answers are small, however many keys there are; where something was
/// written elsewhere, the server walks over the range for the last of them.
pub(in crate::v3) async fn unchanged(
    pool: &Arc<Pool>,
    range: KeyRange,
    known: Known,
) -> Result<Option<u64>, Error> {
    let ask = async |question: RangeRequest| {
        let answer = pool.call_once(question).await?;
        let head = head_after(known, answer.header.as_ref())?;
        let is_same = usize::try_from(answer.count) == Ok(known.count) && answer.kvs.is_empty();
        Ok(is_same.then_some(head))
    };
    let count =
        RangeRequest { key: range.start, range_end: range.end, count_only: true, ..RangeRequest::default() };
    let head = ask(count.clone()).await?;
    if head.is_none_or(|head| head == known.revision) {
        return Ok(head);
    }
    ask(RangeRequest { key: count.key, range_end: count.range_end, ..written_after(known.revision) }).await
}

/// Asks of a range, which is still to be named, how many keys there are, and for one that was written after a revision.
pub(super) fn written_after(revision: u64) -> RangeRequest {
    RangeRequest {
        min_mod_revision: signed(revision.saturating_add(1)),
        limit: 1,
        keys_only: true,
        ..RangeRequest::default()
    }
}

/// The newest revision of the store, which cannot be before what is known.
pub(super) fn head_after(known: Known, header: Option<&ResponseHeader>) -> Result<u64, Error> {
    let ResponseHeader { cluster_id, revision, .. } = header.cloned().unwrap_or_default();
    if known.cluster != 0 && cluster_id != known.cluster {
        return Err(Error::new(Kind::Unavailable, "another cluster has answered"));
    }
    let head = unsigned(revision);
    if head < known.revision {
        let message = format!("the store is at revision {head}, and was at {}", known.revision);
        return Err(Error::new(Kind::FutureRevision, message));
    }
    Ok(head)
}

/// Takes a page that may hold anything.
#[cfg(fuzzing)]
pub(in crate::v3) fn fuzz(page: RangeResponse) {
    let mut pages = Pages::new(KeyRange::prefix("/app/"), FIRST_PAGE, PAGE_BYTES);
    pages.take(page);
    assert!(pages.request().limit >= 1);
}

/// The pages of one directory.
pub(super) struct Pages {
    range: KeyRange,
    limit: i64,
    /// About how large a page may be.
    bytes: usize,
    /// A page was too large to be received: the next ones grow slowly.
    cautious: bool,
    /// How often the connection broke since the last page.
    interruptions: u32,
    /// Pages after the first are read at its revision.
    revision: i64,
    listing: Listing,
}

impl Pages {
    /// At the revision of the first page.
    pub(super) fn new(range: KeyRange, limit: i64, receive_limit: usize) -> Self {
        let bytes = PAGE_BYTES.min(receive_limit / 2);
        let (cautious, interruptions, revision) = (false, 0, 0);
        Self { range, limit, bytes, cautious, interruptions, revision, listing: Listing::default() }
    }

    /// At this revision, if there is one.
    pub(super) fn at(self, revision: Option<u64>) -> Self {
        Self { revision: revision.map_or(0, signed), ..self }
    }

    /// `None` if another cluster answered in between.
    async fn read(mut self, pool: &Arc<Pool>) -> Result<Option<Listing>, Error> {
        loop {
            match pool.call_once(self.request()).await {
                Ok(page) => {
                    let header = page.header.clone().unwrap_or_default();
                    return if self.begin(&header, page) {
                        self.read_on(pool).await
                    } else {
                        Ok(Some(self.listing))
                    };
                }
                Err(error) if self.may_ask_for_less(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes the first page over, which came with this header; whether another follows.
    pub(super) fn begin(&mut self, header: &ResponseHeader, page: RangeResponse) -> bool {
        if self.revision == 0 {
            self.revision = header.revision;
        }
        self.listing.revision = unsigned(self.revision);
        self.listing.cluster = header.cluster_id;
        self.listing.entries.reserve_exact(usize::try_from(page.count).unwrap_or(0).min(1 << 20));
        self.take(page)
    }

    /// The pages after the first. `None` if another cluster answers.
    pub(super) async fn read_on(mut self, pool: &Arc<Pool>) -> Result<Option<Listing>, Error> {
        loop {
            let page = match pool.call_once(self.request()).await {
                Ok(page) => page,
                Err(error) if self.may_ask_for_less(&error) => continue,
                Err(error) => return Err(error),
            };
            self.interruptions = 0;
            if page.header.as_ref().map_or(0, |header| header.cluster_id) != self.listing.cluster {
                return Ok(None);
            }
            if !self.take(page) {
                return Ok(Some(self.listing));
            }
        }
    }

    pub(super) fn into_listing(self) -> Listing {
        self.listing
    }

    /// Whether a page that failed so is asked for again, and with fewer keys.
    pub(super) fn may_ask_for_less(&mut self, error: &Error) -> bool {
        if error.kind() == Kind::TooLarge && self.limit > 1 {
            self.limit = (self.limit / 8).max(1);
        } else if self.may_go_on(error) {
            self.limit = (self.limit / 8).clamp(1, FIRST_PAGE / 8);
            self.interruptions += 1;
        } else {
            return false;
        }
        self.cautious = true;
        true
    }

    pub(super) fn request(&self) -> RangeRequest {
        RangeRequest {
            key: self.range.start.clone(),
            range_end: self.range.end.clone(),
            limit: self.limit,
            revision: self.revision,
            ..RangeRequest::default()
        }
    }

    /// A connection may not last as long as all pages take together. What comes of another try can only
    /// be at the same revision, and it is made at once: no server is replaced by another meanwhile.
    fn may_go_on(&self, error: &Error) -> bool {
        let broken = matches!(error.kind(), Kind::Unavailable | Kind::Timeout);
        broken && self.revision != 0 && self.interruptions < INTERRUPTIONS
    }

    /// Takes a page over; whether another follows.
    fn take(&mut self, page: RangeResponse) -> bool {
        let Some(last) = page.kvs.last() else { return false };
        self.range.start = just_after(&last.key);
        let bytes: usize = page.kvs.iter().map(|kv| kv.key.len() + kv.value.len()).sum();
        let limit = limit_for(self.bytes, bytes / page.kvs.len());
        self.limit = if self.cautious { limit.min(self.limit.saturating_mul(2)) } else { limit };
        // Keys and values share the memory of their page.
        self.listing.entries.extend(page.kvs.into_iter().map(|kv| Entry {
            key: kv.key,
            value: kv.value,
            revision: unsigned(kv.mod_revision),
        }));
        page.more
    }
}

fn limit_for(bytes: usize, bytes_per_key: usize) -> i64 {
    let limit = bytes / bytes_per_key.max(1);
    i64::try_from(limit).unwrap_or(LARGEST_PAGE).clamp(1, LARGEST_PAGE)
}

/// The smallest key that is greater.
fn just_after(key: &[u8]) -> Bytes {
    let mut next = BytesMut::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.put_u8(0);
    next.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::wire::messages::KeyValue;

    #[test]
    fn the_next_page_begins_behind_the_last_key_and_has_a_sensible_size() {
        let mut pages = Pages::new(KeyRange::prefix("/app/"), FIRST_PAGE, usize::MAX);
        let kv = |key: &'static str, size| KeyValue {
            key: key.into(),
            value: vec![0; size].into(),
            mod_revision: 7,
            ..KeyValue::default()
        };
        let kvs = vec![kv("/app/a", 1 << 20), kv("/app/b", 1 << 20)];
        assert!(pages.take(RangeResponse { kvs, more: true, ..RangeResponse::default() }));
        let next = pages.request();
        assert_eq!((&next.key[..], &next.range_end[..], next.limit), (&b"/app/b\0"[..], &b"/app0"[..], 15));
        assert!(!pages.take(RangeResponse { kvs: vec![kv("/app/c", 1)], ..RangeResponse::default() }));
        assert_eq!(pages.request().limit, LARGEST_PAGE);
        assert_eq!(pages.listing.entries.len(), 3);
        assert!(
            !pages.take(RangeResponse { more: true, ..RangeResponse::default() }),
            "an empty page ends it"
        );
    }

    #[test]
    fn pages_stay_below_what_can_be_received() {
        let page = |count| {
            let kv = |n| KeyValue {
                key: format!("/app/{n}").into(),
                value: vec![0; 1 << 20].into(),
                ..KeyValue::default()
            };
            RangeResponse { kvs: (0..count).map(kv).collect(), more: true, ..RangeResponse::default() }
        };
        let mut pages = Pages::new(KeyRange::prefix("/app/"), FIRST_PAGE, 8 << 20);
        assert!(pages.take(page(1)));
        assert_eq!(pages.request().limit, 3, "half of the limit");
        (pages.limit, pages.cautious) = (1, true);
        assert!(pages.take(page(1)));
        assert_eq!(pages.request().limit, 2, "after one that was too large they grow slowly");
    }

    #[test]
    fn keys_and_values_share_the_memory_of_their_page() {
        let message = Bytes::from(b"/app/a1/app/b2".to_vec());
        let kv = |at: usize| KeyValue {
            key: message.slice(at..at + 6),
            value: message.slice(at + 6..at + 7),
            ..KeyValue::default()
        };
        let mut pages = Pages::new(KeyRange::prefix("/app/"), FIRST_PAGE, usize::MAX);
        pages.take(RangeResponse { kvs: vec![kv(0), kv(7)], ..RangeResponse::default() });
        let memory = message.as_ptr_range();
        let parts = pages.listing.entries.iter().flat_map(|entry| [&entry.key, &entry.value]);
        assert_eq!(parts.clone().count(), 4);
        assert!(parts.into_iter().all(|part| memory.contains(&part.as_ptr())));
    }
}
