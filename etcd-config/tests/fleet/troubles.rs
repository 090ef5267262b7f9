//! Where an instance cannot be listed: a warning, and nothing else.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_config::client::{
    BoxFuture, Error, Kind, Lease, LeaseId, Leased, LeasedPut, Listing, Opened, Prefix, Store,
};
use etcd_config::{EtcdConfig, MemoryStore, ProblemKind};
use tokio::time::sleep;

use crate::settings::*;

/// What servers say.
fn refusals() -> [Error; 4] {
    [
        Error::new(Kind::PermissionDenied, "etcdserver: permission denied"),
        Error::new(Kind::NoSpace, "etcdserver: mvcc: database space exceeded"),
        Error::new(Kind::NoLeader, "etcdserver: no leader"),
        Error::new(Kind::Unavailable, "connection refused"),
    ]
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_listed_says_so_once_and_follows_the_store_as_ever() {
    seeded();
    for refusal in refusals() {
        let store = store();
        store.refuse_writes_with(Some(refusal.clone()));
        let options = Settings::options().instance("web-1");
        let live = options.watch_async(&store).await.unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let of_callback = Arc::clone(&heard);
        live.on_warning(move |warning| of_callback.lock().unwrap().push(warning.kind()));
        sleep(Duration::from_secs(60)).await;
        let written = store.put("/app/workers", "13");
        live.wait_for_revision_async(written, Duration::from_millis(1)).await.unwrap();
        let status = live.status();
        let [warning] = &status.warnings[..] else { panic!("{status}") };
        assert_eq!((warning.kind(), warning.key()), (ProblemKind::Instance, "/app.fleet/web-1"));
        assert!(status.is_current() && status.instance.is_none(), "{status}");
        assert!(warning.what().contains(&refusal.to_string()), "{warning}");
        let grants =
            warning.what().contains("grant the user a role that may read and write all of /app.fleet/");
        assert_eq!(grants, refusal.kind() == Kind::PermissionDenied, "{warning}");
        store.refuse_writes_with(None);
        until("listed", async || live.status().instance.is_some()).await;
        assert!(live.status().warnings.is_empty(), "{}", live.status());
        assert_eq!(report(&store, "web-1").await.revision, written);
        live.wait_for_callbacks_async(written, Duration::from_secs(60)).await.ok();
        assert!(heard.lock().unwrap().len() <= 1, "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_brought_up_to_date_stays_and_is_said_to_be_old() {
    seeded();
    let store = store();
    let live = instance(&store, "web-1").await;
    sleep(A_WHILE).await;
    let before = report(&store, "web-1").await;
    let [_, no_space, ..] = refusals();
    store.refuse_writes_with(Some(no_space));
    store.put("/app/workers", "13");
    sleep(Duration::from_secs(1_000)).await;
    assert_eq!(report(&store, "web-1").await, before);
    let status = live.status();
    assert_eq!(status.instance.as_deref(), Some("web-1"));
    assert!(status.warnings[0].what().contains("an older state of this instance"), "{status}");
    store.refuse_writes_with(None);
    until("said", async || report(&store, "web-1").await != before).await;
    assert!(live.status().warnings.is_empty());
}

/// A store that has no leases, as etcd's v2 API is one, or one that counts what is asked of it.
#[derive(Clone, Debug)]
struct Limited {
    memory: MemoryStore,
    has_leases: bool,
    asked: Arc<AtomicUsize>,
    /// The connection is lost as soon as the next lease is granted.
    breaks_after_grant: Arc<AtomicBool>,
    /// How long after a key is written under a lease that is answered.
    put_is_answered_after: Duration,
}

impl Limited {
    fn over(memory: MemoryStore) -> Self {
        Self {
            memory,
            has_leases: true,
            asked: Arc::default(),
            breaks_after_grant: Arc::default(),
            put_is_answered_after: Duration::ZERO,
        }
    }
}

impl Store for Limited {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        self.memory.list(prefix)
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        self.memory.watch(prefix, after)
    }

    fn grant_lease(&self, ttl: Duration) -> BoxFuture<Result<Lease, Error>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.has_leases {
            let (store, granted) = (self.clone(), self.memory.grant_lease(ttl));
            return Box::pin(async move {
                let granted = granted.await;
                if store.breaks_after_grant.swap(false, Ordering::SeqCst) {
                    store.memory.refuse(true);
                    store.memory.cut();
                }
                granted
            });
        }
        Box::pin(std::future::ready(Err(Error::new(Kind::InvalidRequest, "the store has no leases"))))
    }

    fn put_with_lease(&self, put: LeasedPut) -> BoxFuture<Result<Leased, Error>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let (put, pause) = (self.memory.put_with_lease(put), self.put_is_answered_after);
        Box::pin(async move {
            let written = put.await;
            if !pause.is_zero() {
                sleep(pause).await;
            }
            written
        })
    }

    fn keep_lease_alive(&self, lease: LeaseId) -> BoxFuture<Result<Duration, Error>> {
        self.memory.keep_lease_alive(lease)
    }

    fn revoke_lease(&self, lease: LeaseId) -> BoxFuture<Result<(), Error>> {
        self.memory.revoke_lease(lease)
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(&self.asked).addr()
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_without_leases_lists_nobody() {
    seeded();
    let store = Limited { has_leases: false, ..Limited::over(store()) };
    let options = Settings::options().instance("web-1");
    let live = options.watch_async(Arc::new(store) as Arc<dyn Store>).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let status = live.status();
    assert!(status.warnings[0].what().contains("the store has no leases"), "{status}");
    assert!(live.close_async(Duration::from_secs(1)).await.is_ok());
}

/// A fleet whose user may not write does not keep the server busy.
#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_ever_more_seldom() {
    seeded();
    let asked: Arc<AtomicUsize> = Arc::default();
    let memory = store();
    let [denied, ..] = refusals();
    memory.refuse_writes_with(Some(denied));
    let store = Limited { asked: Arc::clone(&asked), ..Limited::over(memory) };
    let options = Settings::options().instance("web-1");
    let live = options.watch_async(Arc::new(store) as Arc<dyn Store>).await.unwrap();
    sleep(Duration::from_secs(600)).await;
    let first = asked.swap(0, Ordering::SeqCst);
    sleep(Duration::from_secs(6_000)).await;
    let later = asked.load(Ordering::SeqCst);
    assert!((5..=15).contains(&first) && (10..=40).contains(&later), "{first}, {later}");
    drop(live);
}

/// The lease that was granted before is over by then, as nobody has kept it alive.
#[tokio::test(start_paused = true)]
async fn who_lost_the_store_between_lease_and_key_is_listed_as_soon_as_it_is_there_again() {
    seeded();
    let memory = store();
    let store = Limited { breaks_after_grant: Arc::new(true.into()), ..Limited::over(memory.clone()) };
    let options = Settings::options().instance("web-1");
    let live = options.watch_async(Arc::new(store) as Arc<dyn Store>).await.unwrap();
    sleep(Duration::from_secs(1_200)).await;
    assert!(!live.status().state.is_watching() && live.status().instance.is_none(), "{}", live.status());
    memory.refuse(false);
    until("watching", async || live.status().state.is_watching()).await;
    let after = until("listed", async || live.status().instance.is_some()).await;
    assert!(after <= SPREAD + Duration::from_secs(1), "{after:?}");
    assert_eq!(names(&memory).await, ["web-1"]);
}

/// Its own name is written, and that is not answered yet.
#[tokio::test(start_paused = true)]
async fn who_ends_while_it_takes_its_name_back_leaves_nothing_there() {
    seeded();
    let memory = store();
    let first = instance(&memory, "web-1").await;
    let store = Limited { put_is_answered_after: Duration::from_secs(1), ..Limited::over(memory.clone()) };
    let options = Settings::options().instance("web-1");
    let second = options.watch_async(Arc::new(store) as Arc<dyn Store>).await.unwrap();
    until("listed", async || second.status().instance.as_deref() == Some("web-1~2")).await;
    drop(first);
    until("one", async || names(&memory).await == ["web-1~2"]).await;
    until("both", async || names(&memory).await == ["web-1", "web-1~2"]).await;
    drop(second);
    let after = until("nobody", async || names(&memory).await.is_empty()).await;
    assert!(after < Duration::from_secs(1), "{after:?}");
}
