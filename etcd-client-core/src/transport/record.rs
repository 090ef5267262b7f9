//! What came of asking an endpoint, for the person who reads why nothing could be read, or which of several
//! endpoints is of no use.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::error::{EndpointFailure, FailingEndpoint};
use crate::log::outage::{Outage, Over};
use crate::{Error, Kind};

/// One that has failed is asked again so long after.
const AFTER_A_FAILURE: Duration = Duration::from_secs(60);
/// And one that has answered, or has had the time for it.
const AFTER_AN_ANSWER: Duration = Duration::from_secs(600);
const AFTER_A_SILENCE: Duration = Duration::from_secs(5);
/// Who has begun to ask it, and has not come back, was dropped.
const LONGEST_TURN: Duration = Duration::from_secs(30);

/// What an endpoint has done lately.
#[derive(Debug, Default)]
pub(crate) struct EndpointRecord(Mutex<Entry>);

#[derive(Debug, Default)]
struct Entry {
    last: LastCall,
    /// Since when it has failed each time.
    failing_since: Option<SystemTime>,
    /// When somebody has begun to ask it only to know.
    taken: Option<Instant>,
    /// What the log has heard of it, while others served.
    outage: Outage<()>,
}

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

    /// What the log is to hear of it, if that is news.
    pub(crate) fn answered(&self) -> Option<Over> {
        let mut entry = self.lock();
        entry.last = LastCall::Answered(Instant::now());
        entry.failing_since = None;
        entry.outage.over()
    }

    pub(crate) fn failed(&self, failure: &EndpointFailure) {
        let mut entry = self.lock();
        entry.last = LastCall::Failed(Instant::now(), failure.clone());
        entry.failing_since.get_or_insert_with(SystemTime::now);
    }

    /// Others have served where it failed; whether the log is to hear of that.
    pub(crate) fn passed_over(&self) -> bool {
        self.lock().outage.failed(())
    }

    /// Whether it is time to ask it, for no other reason than to know. Whoever hears that it is, asks it: all
    /// others that share the connections need not.
    pub(crate) fn takes_turn(&self) -> bool {
        let mut entry = self.lock();
        let is_due = match &entry.last {
            LastCall::NotAsked => true,
            LastCall::Asked(since) => since.elapsed() >= AFTER_A_SILENCE,
            LastCall::Failed(at, _) => at.elapsed() >= AFTER_A_FAILURE,
            LastCall::Answered(at) => at.elapsed() >= AFTER_AN_ANSWER,
        };
        let is_free = entry.taken.is_none_or(|taken| taken.elapsed() >= LONGEST_TURN);
        if is_due && is_free {
            entry.taken = Some(Instant::now());
        }
        is_due && is_free
    }

    /// How it fails, where it does.
    pub(crate) fn failing(&self) -> Option<FailingEndpoint> {
        let entry = self.lock();
        match (&entry.last, entry.failing_since) {
            (LastCall::Failed(_, EndpointFailure { endpoint, error, .. }), Some(since)) => {
                Some(FailingEndpoint { endpoint: endpoint.clone(), error: error.clone(), since })
            }
            _ => None,
        }
    }

    /// Why it is of no use until now; `arrives` says that something has come from it.
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
}
