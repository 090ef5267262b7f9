//! Leases of a store in memory: they end by the runtime's clock, and take their keys with them.

use etcd_client_core::{LeaseId, Leased, LeasedPut, Store};
use tokio::time::sleep;

use super::*;

const TTL: Duration = Duration::from_secs(15);

fn put(key: &'static str, lease: LeaseId) -> LeasedPut {
    LeasedPut { key: key.into(), value: "x".into(), lease }
}

async fn granted(store: &MemoryStore) -> LeaseId {
    let lease = store.grant_lease(TTL).await.unwrap();
    assert_eq!(lease.ttl, TTL);
    lease.id
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_not_kept_alive_takes_its_keys_at_one_revision() {
    let store = MemoryStore::from([("/p/kept", "1")]);
    let (mortal, kept) = (granted(&store).await, granted(&store).await);
    for (key, lease) in [("/p/a", mortal), ("/p/b", mortal), ("/p/c", kept)] {
        assert!(matches!(store.put_with_lease(put(key, lease)).await, Ok(Leased::At { .. })));
    }
    let before = store.revision();
    let mut follower = Follower::with(store.clone(), Options::default());
    follower.watching().await;
    let begin = Instant::now();
    let keeper = async {
        for _ in 0..10 {
            sleep(TTL / 3).await;
            assert_eq!(store.keep_lease_alive(kept).await.unwrap(), TTL);
        }
    };
    // Nobody touches the store but the watch, which waits for the end of the lease.
    let report = async {
        let changed = follower.changed().await;
        (changed, begin.elapsed())
    };
    let (((cause, revision, changes), after), ()) = tokio::join!(report, keeper);
    assert_eq!((cause, revision, after.as_secs()), (Cause::Watch, before + 1, TTL.as_secs()));
    assert_eq!(changes, ["/p/a-", "/p/b-"]);
    assert_eq!(store.keep_lease_alive(mortal).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(store.revoke_lease(mortal).await.unwrap_err().kind(), Kind::NotFound);
    store.revoke_lease(kept).await.unwrap();
    assert_eq!((store.get("/p/c"), store.get("/p/kept").is_some()), (None, true));
}

#[tokio::test(start_paused = true)]
async fn a_key_belongs_to_the_first_lease_while_that_lives() {
    let store = MemoryStore::from([("/p/other", "1")]);
    let (first, second) = (granted(&store).await, granted(&store).await);
    assert!(matches!(store.put_with_lease(put("/p/a", first)).await, Ok(Leased::At { created: true, .. })));
    assert!(matches!(store.put_with_lease(put("/p/a", first)).await, Ok(Leased::At { created: false, .. })));
    assert_eq!(store.put_with_lease(put("/p/a", second)).await.unwrap(), Leased::Taken);
    assert_eq!(store.put_with_lease(put("/p/other", second)).await.unwrap(), Leased::Taken, "of no lease");
    store.revoke_lease(first).await.unwrap();
    assert!(matches!(store.put_with_lease(put("/p/a", second)).await, Ok(Leased::At { created: true, .. })));
    assert_eq!(store.put_with_lease(put("/p/b", first)).await.unwrap_err().kind(), Kind::NotFound);
    // A write without a lease frees the key from it.
    store.put("/p/a", "mine");
    store.revoke_lease(second).await.unwrap();
    assert_eq!(store.get("/p/a").as_deref(), Some(&b"mine"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_restored_backup_has_the_leases_of_then() {
    let store = MemoryStore::new();
    let first = granted(&store).await;
    store.put_with_lease(put("/p/a", first)).await.unwrap();
    let backup = store.revision();
    let second = granted(&store).await;
    store.put_with_lease(put("/p/b", second)).await.unwrap();
    store.revoke_lease(first).await.unwrap();
    store.rewind(backup);
    assert_eq!((store.get("/p/a").is_some(), store.get("/p/b")), (true, None));
    assert_eq!(store.keep_lease_alive(second).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(store.keep_lease_alive(first).await.unwrap(), TTL);
    sleep(TTL).await;
    assert_eq!(store.get("/p/a"), None);
    store.wipe(true);
    assert_ne!(granted(&store).await, second, "no number comes twice");
}

#[tokio::test(start_paused = true)]
async fn where_writes_are_refused_leases_live_on() {
    let store = MemoryStore::new();
    let lease = granted(&store).await;
    store.refuse_writes_with(Some(Error::new(Kind::NoSpace, "full")));
    assert_eq!(store.grant_lease(TTL).await.unwrap_err().kind(), Kind::NoSpace);
    assert_eq!(store.put_with_lease(put("/p/a", lease)).await.unwrap_err().kind(), Kind::NoSpace);
    assert_eq!(store.keep_lease_alive(lease).await.unwrap(), TTL);
    store.revoke_lease(lease).await.unwrap();
}
