//! How an instance goes, and comes back.

use std::time::Duration;

use etcd_config::EtcdConfig;
use tokio::time::sleep;

use crate::settings::*;

#[tokio::test(start_paused = true)]
async fn one_that_is_closed_or_dropped_goes_at_once() {
    seeded();
    let store = store();
    let (closed, dropped) = (instance(&store, "closed").await, instance(&store, "dropped").await);
    closed.close_async(Duration::from_secs(5)).await.unwrap();
    assert_eq!(names(&store).await, ["dropped"]);
    assert_eq!(closed.status().instance, None);
    drop(dropped);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(names(&store).await, [""; 0]);
}

/// Without a runtime, on the thread in the background: what a service does at its end.
#[test]
fn the_last_handle_of_blocking_code_waits_until_it_is_gone() {
    let store = store();
    let live = Settings::options().instance("web-1").watch(&store).unwrap();
    etcd_config_tests::until("listed", || live.status().instance.is_some());
    assert!(store.get("/app.fleet/web-1").is_some());
    drop(live);
    assert_eq!(store.get("/app.fleet/web-1"), None);

    let live = Settings::options().instance("web-1").watch(&store).unwrap();
    etcd_config_tests::until("listed", || live.status().instance.is_some());
    live.close(Duration::from_secs(10)).unwrap();
    assert_eq!(store.get("/app.fleet/web-1"), None);

    // A store that does not answer holds up nobody for long.
    let live = Settings::options().instance("web-1").watch(&store).unwrap();
    etcd_config_tests::until("listed", || live.status().instance.is_some());
    store.silence(true);
    let begin = std::time::Instant::now();
    drop(live);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// The end of a process is the end of its runtime, without a farewell.
#[test]
fn one_that_dies_goes_with_its_lease() {
    seeded();
    let store = store();
    let dies = paused();
    std::mem::forget(dies.block_on(instance(&store, "web-1")));
    drop(dies);
    paused().block_on(async {
        let after = until("gone", async || store.get("/app.fleet/web-1").is_none()).await;
        // The two clocks are not the same.
        let expected = Duration::from_secs(13)..Duration::from_secs(17);
        assert!(expected.contains(&after), "{after:?}");
    });
}

#[tokio::test(start_paused = true)]
async fn one_that_lives_stays() {
    seeded();
    let store = store();
    let _live = instance(&store, "web-1").await;
    for _ in 0..1_000 {
        sleep(Duration::from_secs(7)).await;
        assert_eq!(names(&store).await, ["web-1"]);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_was_cut_off_for_longer_than_its_lease_comes_back() {
    seeded();
    let store = store();
    let live = instance(&store, "web-1").await;
    for _ in 0..3 {
        store.silence(true);
        sleep(Duration::from_secs(120)).await;
        // Seen from the other side.
        assert_eq!(store.get("/app.fleet/web-1"), None);
        assert_eq!(live.status().warnings.len(), 1, "{}", live.status());
        store.silence(false);
        until("watching", async || live.status().state.is_watching()).await;
        let after = until("back", async || store.get("/app.fleet/web-1").is_some()).await;
        assert!(after < A_WHILE, "{after:?}");
        until("no warning", async || live.status().warnings.is_empty()).await;
        assert_eq!(live.status().instance.as_deref(), Some("web-1"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_was_set_back_or_is_another_has_it_again() {
    seeded();
    let store = store();
    let _live = instance(&store, "web-1").await;
    store.put("/app/workers", "5");
    sleep(A_WHILE).await;
    let backup = store.revision();
    store.put("/app/workers", "6");
    sleep(A_WHILE).await;
    store.rewind(backup);
    until("said", async || {
        let said = report(&store, "web-1").await;
        said.revision == backup && said.keys == Some(1)
    })
    .await;
    for new_cluster in [false, true] {
        store.wipe(new_cluster);
        assert_eq!(names(&store).await, [""; 0]);
        let after = until("back", async || names(&store).await == ["web-1"]).await;
        assert!(after < LEASE, "{after:?}");
        until("said", async || report(&store, "web-1").await.keys == Some(0)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_whose_entry_is_overwritten_takes_another_name() {
    seeded();
    let store = store();
    let live = instance(&store, "web-1").await;
    store.put("/app.fleet/web-1", "by hand");
    store.put("/app/workers", "5");
    until("another name", async || live.status().instance.as_deref() == Some("web-1~2")).await;
    assert_eq!(names(&store).await, ["web-1", "web-1~2"]);
    store.delete("/app.fleet/web-1");
    until("its own", async || live.status().instance.as_deref() == Some("web-1")).await;
    assert_eq!(names(&store).await, ["web-1"]);
}
