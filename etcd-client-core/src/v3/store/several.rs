//! Several directories at one revision: a transaction of nothing but ranges, which changes nothing and is one round trip.

use std::sync::Arc;

use super::delta::{self, MOST};
use super::listing::{Attempts, Pages, head_after, written_after};
use super::range;
use crate::store::{Delta, HistoryMark, Known, Listing, Prefix, concurrently};
use crate::v3::net::pool::Pool;
use crate::v3::wire::messages::{
    RangeRequest, RangeResponse, Request, RequestOp, Response, ResponseHeader, TxnRequest,
};
use crate::v3::wire::response::{signed, unsigned};
use crate::{BoxFuture, Error, Kind};

/// A prefix with several directories.
pub(super) struct Several {
    pool: Arc<Pool>,
    prefix: Prefix,
}

impl Several {
    /// `None` if the prefix is one directory.
    pub(super) fn of(pool: &Arc<Pool>, prefix: &Prefix) -> Option<Self> {
        prefix.has_several().then(|| Self { pool: Arc::clone(pool), prefix: prefix.clone() })
    }

    /// Every key with its value, at this revision, or the present one. The first pages come in one transaction, the
    /// others at its revision.
    pub(super) async fn list(self, revision: Option<u64>) -> Result<Listing, Error> {
        if revision == Some(0) {
            return Err(Error::no_revision_zero());
        }
        let mut attempts = Attempts::at(revision);
        loop {
            let attempt = self.attempt_listing(revision, attempts.first_page).await;
            if let Some(outcome) = attempts.outcome(attempt) {
                return outcome;
            }
        }
    }

    /// `None` if another cluster answered in between.
    async fn attempt_listing(
        &self,
        revision: Option<u64>,
        first_page: i64,
    ) -> Result<Option<Listing>, Error> {
        let directories = i64::try_from(self.prefix.directories().len()).unwrap_or(i64::MAX);
        let (limit, receive_limit) = ((first_page / directories).max(1), self.pool.options().receive_limit);
        let pages = |directory| Pages::new(range(&directory), limit, receive_limit).at(revision);
        let mut parts: Vec<Pages> = self.prefix.parts().map(pages).collect();
        let (header, first_pages) = loop {
            match self.read(parts.iter().map(Pages::request)).await {
                Ok(answer) => break answer,
                Err(error) => {
                    let may_ask =
                        parts.iter_mut().filter_map(|part| part.may_ask_for_less(&error).then_some(()));
                    if may_ask.count() == 0 {
                        return Err(error);
                    }
                }
            }
        };
        let read_all = parts.into_iter().zip(first_pages).map(|(mut part, page)| -> BoxFuture<_> {
            if !part.begin(&header, page) {
                return Box::pin(std::future::ready(Ok(Some(part.into_listing()))));
            }
            let pool = Arc::clone(&self.pool);
            Box::pin(async move { part.read_on(&pool).await })
        });
        let listings = concurrently(read_all.collect()).await?.into_iter();
        Ok(listings.reduce(joined).flatten())
    }

    /// Whether they had this past together.
    pub(super) async fn has_history(self, past: HistoryMark) -> Result<bool, Error> {
        let newest = past.newest.first().map_or(past.revision, |entry| entry.revision);
        let question = RangeRequest {
            revision: signed(past.revision),
            min_mod_revision: signed(newest),
            ..RangeRequest::default()
        };
        match self.ask_each(&question).await {
            Ok((_, answers)) => {
                let written = answers.iter().flat_map(|answer| &answer.kvs);
                let written = written.map(|kv| (&kv.key, &kv.value, unsigned(kv.mod_revision)));
                let newest = past.newest.iter().map(|entry| (&entry.key, &entry.value, entry.revision));
                Ok(count(&answers) == past.count && written.eq(newest))
            }
            Err(error) if error.kind() == Kind::FutureRevision => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The newest revision of the store if nothing has changed since what is known.
    pub(super) async fn unchanged(self, known: Known) -> Result<Option<u64>, Error> {
        let counting = RangeRequest { count_only: true, ..RangeRequest::default() };
        let head = self.is_unchanged(&counting, known).await?;
        if head.is_none_or(|head| head == known.revision) {
            return Ok(head);
        }
        self.is_unchanged(&written_after(known.revision), known).await
    }

    async fn is_unchanged(&self, question: &RangeRequest, known: Known) -> Result<Option<u64>, Error> {
        let (header, answers) = self.ask_each(question).await?;
        let head = head_after(known, Some(&header))?;
        let is_same = count(&answers) == known.count && answers.iter().all(|answer| answer.kvs.is_empty());
        Ok(is_same.then_some(head))
    }

    /// What was written since a revision.
    pub(super) async fn written_since(self, since: u64) -> Result<Delta, Error> {
        let question =
            RangeRequest { limit: MOST, min_mod_revision: signed(since), ..RangeRequest::default() };
        let (header, answers) = self.ask_each(&question).await?;
        if answers.iter().any(|answer| answer.more) {
            return Err(delta::too_many(since));
        }
        let entries = answers.iter().flat_map(|answer| answer.kvs.iter().map(delta::entry)).collect();
        let (revision, cluster) = (unsigned(header.revision), header.cluster_id);
        Ok(Delta { revision, cluster, count: count(&answers), entries })
    }

    /// Asks the same of each directory.
    async fn ask_each(&self, question: &RangeRequest) -> Result<(ResponseHeader, Vec<RangeResponse>), Error> {
        let of_directory = |directory| {
            let range = range(&directory);
            RangeRequest { key: range.start, range_end: range.end, ..question.clone() }
        };
        self.read(self.prefix.parts().map(of_directory)).await
    }

    /// Reads these ranges, one of each directory, at one revision. A refusal names the directory.
    async fn read(
        &self,
        ranges: impl Iterator<Item = RangeRequest>,
    ) -> Result<(ResponseHeader, Vec<RangeResponse>), Error> {
        let ranges: Vec<RangeRequest> = ranges.collect();
        let all = ranges.iter().cloned();
        let success = all.map(|range| RequestOp { request: Some(Request::Range(range)) }).collect();
        let answer = match self.pool.call_once(TxnRequest { success, ..TxnRequest::default() }).await {
            Ok(answer) => answer,
            Err(error) if error.kind() == Kind::PermissionDenied => return Err(self.refusal(error).await),
            Err(error) if error.kind() == Kind::NoSpace => return self.read_one_by_one(ranges).await,
            Err(error) => return Err(error),
        };
        let answers = answer.responses.into_iter().filter_map(|response| match response.response {
            Some(Response::Range(answer)) => Some(answer),
            _ => None,
        });
        Ok((answer.header.unwrap_or_default(), answers.collect()))
    }

    /// Servers before 3.4.20 and 3.5.7 refuse any transaction when their space is used up (etcd-io/etcd#14884), and go on
    /// answering ranges: the first one at the present revision, the others at that.
    async fn read_one_by_one(
        &self,
        ranges: Vec<RangeRequest>,
    ) -> Result<(ResponseHeader, Vec<RangeResponse>), Error> {
        let mut head: Option<ResponseHeader> = None;
        let mut answers = Vec::with_capacity(ranges.len());
        for mut range in ranges {
            if let Some(head) = head.as_ref().filter(|_| range.revision == 0) {
                range.revision = head.revision;
            }
            let mut answer = self.pool.call_once(range).await?;
            let header = answer.header.take().unwrap_or_default();
            if head.as_ref().is_some_and(|head| head.cluster_id != header.cluster_id) {
                return Err(Error::new(Kind::Unavailable, "another cluster has answered in between"));
            }
            head.get_or_insert(header);
            answers.push(answer);
        }
        Ok((head.unwrap_or_default(), answers))
    }

    /// etcd refuses the whole transaction without saying for which of the directories, so each is asked by itself: all at
    /// once, as one after the other they could take so many time limits.
    async fn refusal(&self, error: Error) -> Error {
        let questions = self.prefix.parts().map(|directory| -> BoxFuture<Result<Option<Error>, Error>> {
            let (pool, range) = (Arc::clone(&self.pool), range(&directory));
            let question = RangeRequest {
                key: range.start,
                range_end: range.end,
                count_only: true,
                ..RangeRequest::default()
            };
            Box::pin(async move {
                let refusal = pool.call_once(question).await.err();
                let refusal = refusal.filter(|error| error.kind() == Kind::PermissionDenied);
                Ok(refusal.map(|error| directory.name_refusal(error)))
            })
        });
        let refusals = concurrently(questions.collect()).await.unwrap_or_default();
        refusals.into_iter().flatten().next().unwrap_or(error)
    }
}

/// The one and the other, whose keys are all greater.
fn joined(one: Option<Listing>, other: Option<Listing>) -> Option<Listing> {
    let (mut one, other) = (one?, other?);
    one.entries.extend(other.entries);
    Some(one)
}

fn count(answers: &[RangeResponse]) -> usize {
    answers.iter().map(|answer| usize::try_from(answer.count).unwrap_or_default()).sum()
}
