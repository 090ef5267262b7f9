//! The watch of a prefix with several directories, over a watch of each.
//!
//! The streams are independent of each other, so a revision that has changed two directories may arrive on one of them long
//! before it does on the other. It is delivered as one batch, and only when every stream has come to it: by a change of
//! its own that is not older, or by a [progress notification](Signal::Progress). For that a stream that lags is
//! asked for progress, one at a time, as the answer is for all that share a stream. So a change costs a round trip, unless it
//! has changed all directories.
//!
//! What is held back never waits for ever. Where a stream cannot prove how far it is (servers before 3.4.25 and 3.5.8,
//! etcd's gRPC proxy, a member that lags), or says nothing for [`PROVEN_WITHIN`], the watch is [`Signal::Stale`]: the
//! watcher reads what was written, which is of one revision.
//!
//! A sign of life is passed on when each of the streams has given one: one that talks does not hide that another one is dead.

mod part;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use self::part::{Part, Sign};
use super::{Batch, BoxFuture, Opened, Prefix, Signal, Store, Watch, concurrently};
use crate::{Error, Kind};

/// How long a stream that lags may send nothing of what is missing.
const PROVEN_WITHIN: Duration = Duration::from_millis(500);
/// How long a change is held back at most, although what is missing is arriving.
const HELD_AT_MOST: Duration = Duration::from_secs(5);
/// When a stream is asked again whose answer did not go far enough.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Watches each directory of a prefix, all opened at the same time.
pub(crate) fn open(
    store: &dyn Store,
    prefix: &Prefix,
    after: Option<u64>,
) -> BoxFuture<Result<Opened, Error>> {
    let calls = prefix.parts().map(|directory| -> BoxFuture<_> {
        let call = store.watch(&directory, after);
        Box::pin(async move {
            match call.await {
                Ok(opened) => Ok((directory, opened)),
                Err(error) => Err(directory.name_refusal(error)),
            }
        })
    });
    let calls = concurrently(calls.collect());
    Box::pin(async move { merge(calls.await?, after) })
}

/// The watches of all directories as one. Its head is the newest of theirs; without `after` it begins there. With `after`,
/// a part whose head is older is at a member that lags: then that head is returned, so that the watcher sees it.
fn merge(opened: Vec<(Prefix, Opened)>, after: Option<u64>) -> Result<Opened, Error> {
    let known = |number: u64| Some(number).filter(|number| *number != 0);
    let mut clusters = opened.iter().filter_map(|(_, opened)| known(opened.cluster));
    let cluster = clusters.next().unwrap_or_default();
    if clusters.any(|other| other != cluster) {
        let message = "the endpoints belong to different clusters, so that no watch is of one";
        return Err(Error::new(Kind::Unavailable, message));
    }
    let heads = || opened.iter().filter_map(|(_, opened)| known(opened.head));
    let greatest = heads().max().unwrap_or_default();
    let lagging = after.and_then(|after| heads().min().filter(|least| *least < after));
    let part = |(directory, opened): (Prefix, Opened)| {
        Part::new(directory, opened.watch, after.unwrap_or(opened.head), opened.head)
    };
    let parts = opened.into_iter().map(part).collect();
    let watch = MergedWatch { parts, begins_after: after.unwrap_or(greatest), hold: None };
    Ok(Opened { watch: Box::new(watch), head: lagging.unwrap_or(greatest), cluster })
}

#[derive(Debug)]
struct MergedWatch {
    /// In the order of their directories.
    parts: Vec<Part>,
    /// What is not after this revision is not delivered.
    begins_after: u64,
    /// How the change is waited for that is next.
    hold: Option<Hold>,
}

/// A change that is held back until every stream has come to its revision.
#[derive(Debug)]
struct Hold {
    revision: u64,
    since: Instant,
    /// When something of what is missing has arrived last.
    arrived: Instant,
    /// The stream that was asked last.
    asked: usize,
    timer: Pin<Box<Sleep>>,
}

impl Watch for MergedWatch {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>> {
        loop {
            for part in &mut self.parts {
                if part.read(self.begins_after, cx)? {
                    return Poll::Ready(Ok(Signal::Stale));
                }
            }
            let Some(revision) = self.parts.iter().filter_map(Part::first_held).min() else {
                self.hold = None;
                return self.sign_of_life();
            };
            if revision <= self.complete_through() {
                return Poll::Ready(Ok(Signal::Batch(self.take(revision))));
            }
            if let Some(signal) = self.wait(revision, cx) {
                return signal.map(Ok);
            }
        }
    }

    fn request_progress(&mut self) {
        self.parts.iter_mut().for_each(|part| part.watch.request_progress());
    }

    /// What was heard before does not count as an answer.
    fn check_alive(&mut self) {
        self.parts.iter_mut().for_each(|part| part.sign = None);
        self.parts.iter_mut().for_each(|part| part.watch.check_alive());
    }

    fn has_heard(&self) -> bool {
        self.parts.iter().all(|part| part.sign.is_some() || part.watch.has_heard())
    }

    fn asks_for_others(&self) -> bool {
        self.parts.iter().any(|part| part.watch.asks_for_others())
    }

    fn proves_progress(&self) -> bool {
        self.parts.iter().all(|part| part.watch.proves_progress())
    }

    fn is_resumable(&self) -> bool {
        self.parts.iter().all(|part| part.watch.is_resumable())
    }

    /// That of a stream that is awaited, if there is one.
    fn endpoint(&self) -> &str {
        let silent = self.parts.iter().find(|part| part.sign.is_none());
        silent.or(self.parts.first()).map_or("", |part| part.watch.endpoint())
    }

    /// Only the streams that are silent, or lag, are to be blamed.
    fn abandon(self: Box<Self>) {
        let is_one_heard = self.parts.iter().any(|part| part.sign.is_some());
        let is_one_silent = self.parts.iter().any(|part| part.sign.is_none());
        let least = self.parts.iter().map(Part::reached).min();
        for part in self.parts {
            let lags = Some(part.reached()) == least;
            let is_to_blame = if is_one_heard && is_one_silent { part.sign.is_none() } else { lags };
            if is_to_blame {
                part.watch.abandon();
            }
        }
    }
}

impl MergedWatch {
    /// The revision that every stream has come to.
    fn complete_through(&self) -> u64 {
        self.parts.iter().map(|part| part.through).min().unwrap_or_default()
    }

    /// Everything that this revision has changed.
    fn take(&mut self, revision: u64) -> Batch {
        self.hold = None;
        let mut changes = Vec::new();
        for part in &mut self.parts {
            part.sign = None;
            changes.append(&mut part.take(revision));
        }
        Batch { revision, changes }
    }

    /// Nothing is held back. Once each stream has given a sign of life, the least of them is passed on.
    fn sign_of_life(&mut self) -> Poll<Result<Signal, Error>> {
        let Some(sign) = self.parts.iter().map(|part| part.sign).min().flatten() else {
            return Poll::Pending;
        };
        self.parts.iter_mut().for_each(|part| part.sign = None);
        Poll::Ready(Ok(match sign {
            Sign::Arriving => Signal::Arriving,
            Sign::Alive => Signal::Alive,
            Sign::Progress => Signal::Progress(self.complete_through()),
        }))
    }

    /// The change of this revision waits for those that lag. `None` if one of them was asked, and may have answered.
    fn wait(&mut self, revision: u64, cx: &mut Context<'_>) -> Option<Poll<Signal>> {
        let is_next = self.hold.as_ref().is_none_or(|hold| hold.revision != revision);
        if is_next {
            self.parts.iter_mut().for_each(|part| part.unproven = 0);
        }
        let first = self.parts.iter().position(|part| part.is_behind(revision))?;
        if self.parts.iter().any(|part| part.is_behind(revision) && part.proves_nothing()) {
            return Some(Poll::Ready(Signal::Stale));
        }
        let now = Instant::now();
        if is_next {
            self.hold = Some(Hold::new(revision, first, now));
            self.parts[first].watch.request_progress();
            return None;
        }
        self.hold_on(first, now, cx)
    }

    /// Goes on waiting, where `first` is the first that lags.
    fn hold_on(&mut self, first: usize, now: Instant, cx: &mut Context<'_>) -> Option<Poll<Signal>> {
        let hold = self.hold.as_mut()?;
        let revision = hold.revision;
        for part in self.parts.iter_mut().filter(|part| part.is_behind(revision)) {
            if std::mem::take(&mut part.has_arrived) {
                hold.arrived = now;
            }
        }
        if !self.parts[hold.asked].is_behind(revision) {
            hold.asked = first;
            self.parts[first].watch.request_progress();
            return None;
        }
        if hold.timer.as_mut().poll(cx).is_ready() {
            if now >= hold.arrived + PROVEN_WITHIN || now >= hold.since + HELD_AT_MOST {
                return Some(Poll::Ready(Signal::Stale));
            }
            hold.asked = first;
            hold.timer.as_mut().reset(now + ASK_AGAIN);
            self.parts[first].watch.request_progress();
            return None;
        }
        let is_arriving = |part: &Part| part.sign == Some(Sign::Arriving);
        if self.parts.iter().all(|part| !part.is_behind(revision) || is_arriving(part)) {
            self.parts.iter_mut().for_each(|part| part.sign = None);
            return Some(Poll::Ready(Signal::Arriving));
        }
        Some(Poll::Pending)
    }
}

impl Hold {
    fn new(revision: u64, asked: usize, now: Instant) -> Self {
        Self { revision, since: now, arrived: now, asked, timer: Box::pin(sleep_until(now + ASK_AGAIN)) }
    }
}
