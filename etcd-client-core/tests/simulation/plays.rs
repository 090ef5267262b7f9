//! What is played beyond what the store in memory can play.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::{Error, Kind, Listing, Prefix, Signal, Transaction};
use tokio::time::Instant;

use super::state::names;
use super::steps::Step;
use super::{DIRECTORIES, Run};

impl Run<'_> {
    /// What happens once, to a call, a stream or the reader.
    pub(crate) fn play_once(&mut self, step: Step) -> String {
        match step {
            Step::Hollow => self.hollow(),
            Step::SlowOne => {
                let directory = self.one_directory();
                let pause =
                    Duration::from_millis(if self.rng.u8(0..4) > 0 { self.rng.u64(0..2_000) } else { 0 });
                self.store.slow_in(&directory, pause);
                self.lagged |= !pause.is_zero();
                format!("slow_in({directory}, {pause:?})")
            }
            Step::SilenceOne => {
                let (directory, on) = (self.one_directory(), self.rng.bool());
                self.store.silence_in(&directory, on);
                self.lagged |= on;
                format!("silence_in({directory}, {on})")
            }
            Step::Stale => {
                self.faulty.say(Ok(Signal::Stale));
                "stale".to_owned()
            }
            Step::Arriving => {
                self.faulty.say(Ok(Signal::Arriving));
                "arriving".to_owned()
            }
            Step::End => {
                let error = self.error();
                let what = format!("the stream ends: {error}");
                self.faulty.say(Err(error));
                what
            }
            Step::Unopened => {
                let error = self.error();
                let what = format!("the next watch: {error}");
                self.faulty.faults().unopened = Some(error);
                what
            }
            Step::Unlisted => {
                let error = self.error();
                let what = format!("the next listing: {error}");
                self.faulty.faults().unlisted = Some(error);
                what
            }
            Step::Unasked => {
                let (error, late) = (self.error(), self.rng.bool());
                let what = format!("the next question: {error} (late: {late})");
                let mut faults = self.faulty.faults();
                (faults.unasked, faults.unanswered) = (Some(error), late);
                what
            }
            Step::Hurry => {
                self.watcher.request_progress();
                "progress is asked for".to_owned()
            }
            other => unreachable!("{other:?} is played above"),
        }
    }

    /// One of those that may be followed.
    fn one_directory(&mut self) -> Prefix {
        Prefix::new(DIRECTORIES[self.rng.usize(0..DIRECTORIES.len())])
    }

    /// Everything is deleted, at one revision or at several.
    pub(crate) fn empty(&mut self) -> String {
        let mut transaction = self.store.transaction();
        for (at, key) in names().enumerate() {
            transaction = transaction.delete(key);
            if at == 2 && self.rng.bool() {
                transaction.commit();
                self.past.note_all();
                transaction = self.store.transaction();
            }
        }
        transaction.commit();
        self.past.note_all();
        format!("emptied, now at {}", self.store.revision())
    }

    /// Keys that come and go again: what has changed then, nobody sees who looks later.
    pub(crate) async fn flicker(&mut self) {
        let names: Vec<_> = names().filter(|key| self.store.get(key).is_none()).collect();
        let mut transaction = self.store.transaction();
        for name in &names {
            transaction = transaction.put(*name, "f");
        }
        transaction.commit();
        self.past.note_all();
        self.tell("there".to_owned());
        let pause = Duration::from_millis(self.rng.u64(0..1_000));
        self.watch_for(pause).await;
        let gone = names.into_iter().fold(self.store.transaction(), Transaction::delete);
        gone.commit();
        self.past.note_all();
        self.tell("and gone".to_owned());
    }

    /// The store forgets its keys for a moment, and shows that where it is asked at once.
    pub(crate) fn hollow(&mut self) -> String {
        if self.held.as_ref().is_none_or(BTreeMap::is_empty) {
            return "nothing to be forgotten".to_owned();
        }
        self.faulty.faults().hollow = Some(Instant::now());
        self.faulty.say(Ok(Signal::Stale));
        "the next listing is empty".to_owned()
    }

    /// What a server, a proxy or a client may say of one call or stream.
    fn error(&mut self) -> Error {
        const KINDS: [Kind; 8] = [
            Kind::Compacted,
            Kind::TooLarge,
            Kind::Unavailable,
            Kind::Timeout,
            Kind::NoLeader,
            Kind::Protocol,
            Kind::PermissionDenied,
            Kind::Server,
        ];
        let kind = KINDS[self.rng.usize(0..KINDS.len())];
        Error::new(kind, format!("faulty: {kind:?}"))
    }

    /// The reader has lost track, and begins again with what it holds.
    pub(crate) fn restart(&mut self) -> String {
        let Some(held) = &self.held else { return "nothing to begin again with".to_owned() };
        let entries = held.values().cloned().collect();
        let listing = Listing { revision: self.revision, cluster: self.watcher.cluster(), entries };
        self.watcher.restart(Arc::new(listing));
        format!("begins again from {}", self.revision)
    }
}
