//! One step of a rollout, until it is made, or is known not to be made: each attempt reads everything again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use etcd_client_core::{Committed, Error, GuardedWrites, Kind, Prefix, Store, Write};
use tokio::time::{Instant, sleep, timeout_at};

use super::actor::{Actor, NotActing};
use super::view::View;
use super::writes::Stop;
use crate::live::first_load::is_final;
use crate::reading::writes_at_once;
use crate::runtime::deadline::runtime_deadline;

/// Between two attempts.
pub(super) const PAUSE: Duration = Duration::from_millis(200);
/// So many times somebody else may be first in a row; what is written there is little, and by people.
const CONFLICTS: u32 = 50;

/// A step that is made.
#[derive(Debug)]
pub(super) struct Done<R> {
    pub(super) revision: u64,
    pub(super) made: R,
    /// What was found after an answer was lost: it was made, by this call or by somebody else.
    pub(super) found: Option<View>,
}

/// Why it is not made.
#[derive(Debug)]
pub(super) enum NotMade {
    Stop(Stop),
    /// Somebody else drives the rollout.
    TakenOver,
    /// The store has not answered; `maybe` the step was made.
    Store {
        error: Option<Error>,
        maybe: bool,
    },
    /// The user may not write all that the step writes.
    Denied(Error),
    /// Others write all the time.
    Crowded,
    /// Too much for one transaction.
    TooMany {
        writes: usize,
        at_once: usize,
    },
}

/// What is written by one step, where, and how it shows.
pub(super) struct Step<'s> {
    pub(super) store: &'s Arc<dyn Store>,
    /// All that is read, and must not change meanwhile.
    pub(super) prefix: &'s Prefix,
    pub(super) record: &'s str,
    /// Whether the record is there after it; else it is gone.
    pub(super) stages: bool,
    pub(super) limit: Duration,
}

impl Step<'_> {
    /// Makes it.
    pub(super) async fn make<R>(
        &self,
        actor: &mut Actor,
        mut decide: impl FnMut(&View) -> Result<(Vec<Write>, R), Stop>,
    ) -> Result<Done<R>, NotMade> {
        let deadline = runtime_deadline(self.limit);
        let mut lost = None;
        let mut conflicts = 0;
        loop {
            // Also what keeps an attempt from being made that was not made so far.
            let view = self.seen(actor, deadline, lost.is_some()).await?;
            let record = view.get(self.record).map(|entry| entry.revision);
            if let Some((made, error)) = lost.take() {
                if record.is_some() == self.stages {
                    let revision = record.unwrap_or(view.listing.revision);
                    return Ok(Done { revision, made, found: Some(view) });
                }
                // It may have been made, and ended by somebody else.
                if self.stages && actor.may_have_gone() {
                    return Err(NotMade::Store { error: Some(error), maybe: true });
                }
            }
            let (writes, made) = decide(&view).map_err(NotMade::Stop)?;
            let guarded = self.guarded(&view, actor, writes)?;
            actor.mark();
            match self.store.commit(guarded).await {
                Ok(Committed::At { revision, .. }) => return Ok(Done { revision, made, found: None }),
                Ok(Committed::Conflict) => {
                    conflicts += 1;
                    if conflicts >= CONFLICTS {
                        return Err(NotMade::Crowded);
                    }
                    sleep(Duration::from_millis(fastrand::u64(1..50))).await;
                }
                Err(error) => {
                    if error.kind() == Kind::PermissionDenied {
                        return Err(NotMade::Denied(error));
                    }
                    if error.maybe_applied() {
                        lost = Some((made, error.clone()));
                    } else if !error.is_transient() {
                        return Err(NotMade::Store { error: Some(error), maybe: false });
                    }
                    if Instant::now() + PAUSE >= deadline {
                        return Err(NotMade::Store { error: Some(error), maybe: lost.is_some() });
                    }
                    sleep(PAUSE.min(deadline - Instant::now())).await;
                }
            }
        }
    }

    /// Reads, and makes nothing.
    pub(super) async fn read(&self, actor: &mut Actor) -> Result<View, NotMade> {
        self.seen(actor, runtime_deadline(self.limit), false).await
    }

    /// What there is, through outages up to the deadline.
    async fn seen(&self, actor: &mut Actor, deadline: Instant, maybe: bool) -> Result<View, NotMade> {
        let mut last = None;
        loop {
            match timeout_at(deadline, self.look(actor)).await {
                Ok(Ok(view)) => return Ok(view),
                Ok(Err(NotActing::Taken)) => return Err(NotMade::TakenOver),
                Ok(Err(NotActing::Denied(error))) if !maybe => return Err(NotMade::Denied(error)),
                Ok(Err(NotActing::Failed(error) | NotActing::Denied(error))) => {
                    if is_final(&error) || Instant::now() + PAUSE >= deadline {
                        return Err(NotMade::Store { error: Some(error), maybe });
                    }
                    last = Some(error);
                    sleep(PAUSE).await;
                }
                Err(_) => {
                    return Err(NotMade::Store { error: last.or_else(|| self.store.outage()), maybe });
                }
            }
        }
    }

    /// Everything, after this one has said that it works on it.
    async fn look(&self, actor: &mut Actor) -> Result<View, NotActing> {
        actor.act().await?;
        let listing = self.store.list(self.prefix).await.map_err(NotActing::Failed)?;
        let view = View { listing: Arc::new(listing) };
        if view.get(&actor.key).is_none() {
            return Err(NotActing::Failed(Error::new(Kind::Unavailable, "the lease has ended")));
        }
        Ok(view)
    }

    /// On the condition that all is as it was read. What is written, and who works on it, must still be there for certain.
    fn guarded(&self, view: &View, actor: &Actor, writes: Vec<Write>) -> Result<GuardedWrites, NotMade> {
        let at_once = writes_at_once(&**self.store, self.prefix);
        if writes.len() > at_once {
            return Err(NotMade::TooMany { writes: writes.len(), at_once });
        }
        let mut guarded = GuardedWrites::after(self.prefix, &view.listing, writes);
        let written = guarded.writes.iter().filter(|write| write.read_at.is_some()).map(|write| &write.key);
        let mut first: Vec<Bytes> = vec![Bytes::from(actor.key.clone())];
        first.extend(written.filter(|key| **key != actor.key.as_bytes()).cloned());
        guarded.present.retain(|key| !first.contains(key));
        first.append(&mut guarded.present);
        guarded.present = first;
        Ok(guarded)
    }
}
