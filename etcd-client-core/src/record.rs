//! What came of asking an endpoint, for the person who reads why nothing could be read.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::error::EndpointFailure;
use crate::{Error, Kind};

/// What an endpoint has done lately.
#[derive(Debug, Default)]
pub(crate) struct Record(Mutex<Standing>);

#[derive(Debug, Default)]
enum Standing {
    #[default]
    NotAsked,
    /// And nothing has come of it until now.
    Asked(Instant),
    Answered,
    Failed(EndpointFailure),
}

impl Record {
    /// A call to it begins. How the last one failed says more than that there is another.
    pub(crate) fn asked(&self) {
        let mut standing = self.lock();
        if !matches!(*standing, Standing::Asked(_) | Standing::Failed(_)) {
            *standing = Standing::Asked(Instant::now());
        }
    }

    pub(crate) fn answered(&self) {
        *self.lock() = Standing::Answered;
    }

    pub(crate) fn failed(&self, failure: &EndpointFailure) {
        *self.lock() = Standing::Failed(failure.clone());
    }

    /// Why it is of no use until now; `arrives` says that something has come from it.
    pub(crate) fn failure(&self, endpoint: &str, arrives: bool) -> EndpointFailure {
        let failure = |kind, message, elapsed| EndpointFailure {
            endpoint: endpoint.to_owned(),
            error: Error::new(kind, message),
            elapsed,
            at: SystemTime::now(),
        };
        match &*self.lock() {
            Standing::NotAsked => failure(Kind::Unavailable, "not asked yet", Duration::ZERO),
            Standing::Asked(since) if arrives => {
                failure(Kind::Timeout, "the answer has begun, and is not whole yet", since.elapsed())
            }
            Standing::Asked(since) => failure(Kind::Timeout, "no answer yet", since.elapsed()),
            Standing::Answered => failure(Kind::Timeout, "answers, but not in time", Duration::ZERO),
            Standing::Failed(failure) => failure.clone(),
        }
    }

    /// Nothing panics while it holds this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_remembered_until_there_is_an_answer() {
        let record = Record::default();
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
