//! Who works on a rollout: a key below its record, under a lease. There is one who drives it, and anybody may abort it.
//!
//! Each step is made on the condition that this key has not been written since it was read. So writing it again, after a step
//! whose answer was lost, keeps that step from being made later: what is read after that is final.

use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::{Error, Kind, LeaseId, Leased, LeasedPut, Store};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// The name of the key of the one who drives a rollout, below its record.
pub(super) const OWNER: &str = "owner";
/// How long the key of a process that has died is still there.
pub(crate) const LEASE: Duration = Duration::from_secs(15);
/// Between two attempts to be seen, or to keep the lease.
const PAUSE: Duration = Duration::from_secs(1);

/// One who works on a rollout.
pub(super) struct Actor {
    store: Arc<dyn Store>,
    pub(super) key: String,
    /// For people.
    who: String,
    /// Whether the key may have gone and come again since [`mark`](Self::mark).
    may_have_gone: bool,
    lease: Option<(LeaseId, Keeping)>,
}

/// Why it cannot be written.
#[derive(Debug)]
pub(super) enum NotActing {
    /// Somebody else has the key.
    Taken,
    /// The user may not write it.
    Denied(Error),
    Failed(Error),
}

/// Ends with its owner: then the lease does, too.
struct Keeping(JoinHandle<()>);

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Actor {
    pub(super) fn new(store: Arc<dyn Store>, key: String, who: String) -> Self {
        Self { store, key, who, may_have_gone: false, lease: None }
    }

    /// Begins to note whether the key goes, which it does when somebody ends the rollout.
    pub(super) fn mark(&mut self) {
        self.may_have_gone = false;
    }

    pub(super) fn may_have_gone(&self) -> bool {
        self.may_have_gone
    }

    /// Writes the key, for the first time or again.
    pub(super) async fn act(&mut self) -> Result<(), NotActing> {
        let lease = if let Some((lease, _)) = &self.lease {
            *lease
        } else {
            let granted = self.store.grant_lease(LEASE).await.map_err(NotActing::Failed)?;
            let keeping = Keeping(tokio::spawn(keep(Arc::clone(&self.store), granted.id, granted.ttl)));
            self.lease = Some((granted.id, keeping));
            granted.id
        };
        // Also the same text is a new revision of the key.
        let put = LeasedPut { key: self.key.clone().into(), value: self.who.clone().into(), lease };
        match self.store.put_with_lease(put).await {
            Ok(Leased::At { created, .. }) => {
                self.may_have_gone |= created;
                Ok(())
            }
            Ok(Leased::Taken) => Err(NotActing::Taken),
            Err(error) => {
                self.may_have_gone |= error.maybe_applied();
                if error.kind() == Kind::PermissionDenied {
                    return Err(NotActing::Denied(error));
                }
                if error.kind() == Kind::NotFound {
                    self.lease = None;
                    return Err(NotActing::Failed(Error::new(Kind::Unavailable, "the lease has ended")));
                }
                Err(NotActing::Failed(error))
            }
        }
    }

    /// Writes the key again whenever its lease has ended, which an outage may bring about: without it others would take
    /// this one for one that has died. Returns when somebody else has the key. Cancel safe.
    pub(super) async fn stay(&mut self) {
        let mut is_seen = true;
        loop {
            if let Some((_, Keeping(keeping))) = self.lease.as_mut().filter(|_| is_seen) {
                let _ = keeping.await;
                self.lease = None;
            }
            match self.act().await {
                Ok(()) => is_seen = true,
                Err(NotActing::Taken) => return,
                Err(NotActing::Failed(error) | NotActing::Denied(error)) => {
                    tracing::debug!(%error, "nobody is seen to drive a rollout");
                    is_seen = false;
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Says that nobody works on it any more; where that cannot be said it ends by itself.
    pub(super) async fn leave(&mut self) {
        if let Some((lease, keeping)) = self.lease.take() {
            drop(keeping);
            if let Err(error) = self.store.revoke_lease(lease).await {
                tracing::debug!(%lease, %error, "a lease is left to its end");
            }
        }
    }
}

async fn keep(store: Arc<dyn Store>, lease: LeaseId, ttl: Duration) {
    let mut pause = ttl / 3;
    loop {
        sleep(pause).await;
        pause = match store.keep_lease_alive(lease).await {
            Ok(_) => ttl / 3,
            Err(error) if error.kind() == Kind::NotFound => return,
            // There is not much time left.
            Err(_) => PAUSE,
        };
    }
}
