//! What came of asking an endpoint, for the person who reads why nothing could be read, or which of several
//! endpoints is of no use.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::error::{EndpointFailure, FailingEndpoint};
use crate::log::outage::{Outage, OutageEnd};
use crate::{Error, Kind};

/// One that has failed is asked again so long after.
const AFTER_A_FAILURE: Duration = Duration::from_secs(60);
/// And one that has answered, or has had the time for it.
const AFTER_AN_ANSWER: Duration = Duration::from_secs(600);
const AFTER_A_SILENCE: Duration = Duration::from_secs(5);
/// A check that has not ended by then was dropped.
const LONGEST_CHECK: Duration = Duration::from_secs(30);

/// So long what an inspection has found is said of later failures, too, unless the endpoint serves meanwhile:
/// each inspection takes three connections, one of them over TLS.
const INSPECTION_HOLDS: Duration = Duration::from_secs(120);

/// What an endpoint has done lately.
#[derive(Debug, Default)]
pub(crate) struct EndpointRecord {
    entry: Mutex<Entry>,
    /// Held while it is asked what it is.
    inspecting: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Entry {
    last: LastCall,
    /// Since when it has failed each time.
    failing_since: Option<SystemTime>,
    /// When a check of it began that no call had asked for.
    check_began: Option<Instant>,
    /// What was logged of it, while others served.
    outage: Outage<()>,
    inspection: Option<(Instant, Inspection)>,
}

/// What came of asking an endpoint what it is: the error that says it, unless it seems to be etcd.
#[derive(Clone, Debug)]
pub(crate) struct Inspection(pub(crate) Option<Error>);

#[derive(Debug, Default)]
enum LastCall {
    #[default]
    NotAsked,
    /// And nothing has come of it until now.
    Asked(Instant),
    Answered(Instant),
    Failed(Instant, EndpointFailure),
}

impl EndpointRecord {
    /// A call to it begins. How the last one failed says more than that there is another.
    pub(crate) fn asked(&self) {
        let last = &mut self.lock().last;
        if !matches!(*last, LastCall::Asked(_) | LastCall::Failed(..)) {
            *last = LastCall::Asked(Instant::now());
        }
    }

    /// It has answered. What is to be logged of that: the end of an outage that was logged.
    pub(crate) fn answered(&self) -> Option<OutageEnd> {
        let mut entry = self.lock();
        entry.last = LastCall::Answered(Instant::now());
        entry.failing_since = None;
        // That it seems to be etcd still holds.
        entry.inspection.take_if(|(_, found)| found.0.is_some());
        entry.outage.end()
    }

    pub(crate) fn failed(&self, failure: &EndpointFailure) {
        let mut entry = self.lock();
        entry.last = LastCall::Failed(Instant::now(), failure.clone());
        entry.failing_since.get_or_insert_with(SystemTime::now);
    }

    /// Others have served, and it has not; whether that is to be logged.
    pub(crate) fn passed_over(&self) -> bool {
        self.lock().outage.failed(())
    }

    /// Whether it is time to check it, as no call has asked it lately. The caller then checks it: for all
    /// others that share the connections it is not due meanwhile.
    pub(crate) fn begin_check(&self) -> bool {
        let mut entry = self.lock();
        let is_due = match &entry.last {
            LastCall::NotAsked => true,
            LastCall::Asked(since) => since.elapsed() >= AFTER_A_SILENCE,
            LastCall::Failed(at, _) => at.elapsed() >= AFTER_A_FAILURE,
            LastCall::Answered(at) => at.elapsed() >= AFTER_AN_ANSWER,
        };
        let begins = is_due && entry.check_began.is_none_or(|began| began.elapsed() >= LONGEST_CHECK);
        if begins {
            entry.check_began = Some(Instant::now());
        }
        begins
    }

    /// How it fails, if it failed when it was asked last.
    pub(crate) fn failing(&self) -> Option<FailingEndpoint> {
        let entry = self.lock();
        match (&entry.last, entry.failing_since) {
            (LastCall::Failed(_, EndpointFailure { endpoint, error, .. }), Some(since)) => {
                Some(FailingEndpoint { endpoint: endpoint.clone(), error: error.clone(), since })
            }
            _ => None,
        }
    }

    /// What was found out when it was last asked what it is, if that is not to be asked again yet.
    pub(crate) fn inspected(&self) -> Option<Inspection> {
        let inspection = self.lock().inspection.clone();
        inspection.filter(|(at, _)| at.elapsed() < INSPECTION_HOLDS).map(|(_, found)| found)
    }

    /// Lets one caller inspect it at a time. What another one has found out meanwhile is the answer for this one, too: all
    /// watches of a stream ask at the same moment.
    pub(crate) async fn inspect_alone(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, Inspection> {
        let asked = Instant::now();
        let guard = self.inspecting.lock().await;
        let latest = self.lock().inspection.clone().filter(|(at, _)| *at >= asked);
        latest.map_or(Ok(guard), |(_, found)| Err(found))
    }

    /// What has just been found out.
    pub(crate) fn note_inspection(&self, found: Inspection) {
        self.lock().inspection = Some((Instant::now(), found));
    }

    /// Why it has not served until now; `arrives` says that something has come from it.
    pub(crate) fn failure(&self, endpoint: &str, arrives: bool) -> EndpointFailure {
        let failure = |kind, message, elapsed| EndpointFailure {
            endpoint: endpoint.to_owned(),
            error: Error::new(kind, message),
            elapsed,
            at: SystemTime::now(),
        };
        match &self.lock().last {
            LastCall::NotAsked => failure(Kind::Unavailable, "not asked yet", Duration::ZERO),
            LastCall::Asked(since) if arrives => {
                failure(Kind::Timeout, "the answer has begun, and is not whole yet", since.elapsed())
            }
            LastCall::Asked(since) => failure(Kind::Timeout, "no answer yet", since.elapsed()),
            LastCall::Answered(_) => failure(Kind::Timeout, "answers, but not in time", Duration::ZERO),
            LastCall::Failed(_, failure) => failure.clone(),
        }
    }

    /// Nothing panics while it holds this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Entry> {
        self.entry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_remembered_until_there_is_an_answer() {
        let record = EndpointRecord::default();
        let says = |arrives| record.failure("http://a:1", arrives).error.to_string();
        assert_eq!(says(false), "not asked yet");
        record.asked();
        assert_eq!((says(false), says(true).contains("not whole")), ("no answer yet".into(), true));
        let error = Error::new(Kind::Unavailable, "cannot connect");
        record.failed(&EndpointFailure {
            endpoint: String::new(),
            error,
            elapsed: Duration::ZERO,
            at: SystemTime::now(),
        });
        record.asked();
        assert_eq!(says(false), "cannot connect");
        record.answered();
        record.asked();
        assert_eq!(says(false), "no answer yet");
    }

    #[test]
    fn what_was_found_out_is_forgotten_when_it_answers() {
        let record = EndpointRecord::default();
        record.note_inspection(Inspection(Some(Error::new(Kind::Protocol, "what answers is redis"))));
        assert!(record.inspected().is_some());
        record.answered();
        assert!(record.inspected().is_none());
    }

    #[tokio::test]
    async fn what_one_inspection_finds_is_the_answer_for_all_who_have_waited_for_it() {
        let record = EndpointRecord::default();
        let first = record.inspect_alone().await.ok();
        assert!(first.is_some());
        let mut waiting = Box::pin(record.inspect_alone());
        assert!(
            std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await
        );
        record.note_inspection(Inspection(Some(Error::new(Kind::Protocol, "what answers is redis"))));
        drop(first);
        let found = waiting.await.err().and_then(|found| found.0);
        assert_eq!(found.map(|error| error.to_string()).as_deref(), Some("what answers is redis"));
        assert!(record.inspect_alone().await.is_ok(), "it is asked anew");
    }
}
