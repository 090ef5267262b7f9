//! What an instance writes, and when.

use std::time::{Duration, SystemTime};

use etcd_config::EtcdConfig;
use etcd_config::MemoryStore;
use tokio::time::{Instant, sleep};

use crate::settings::*;

#[tokio::test(start_paused = true)]
async fn it_is_listed_with_all_that_it_has_to_say() {
    seeded();
    let store = store();
    let live = instance(&store, "web-1").await;
    assert_eq!(live.status().instance.as_deref(), Some("web-1"));
    assert!(live.status().to_string().contains("\n  in the fleet as web-1"), "{}", live.status());
    sleep(A_WHILE).await;
    let said = report(&store, "web-1").await;
    assert_eq!((said.version.as_deref(), said.revision, said.keys), (Some("1.4.2"), 2, Some(1)));
    assert!(
        said.is_watching() && said.refused.is_none() && said.restart.is_empty() && said.layers.is_empty()
    );
    assert_eq!(said.lease, LEASE);
    assert!(said.started <= SystemTime::now() && said.since <= SystemTime::now());

    let written = store.transaction().put("/app/workers", "13").put("/app/disk", "/srv").commit();
    let after = until("said", async || report(&store, "web-1").await.revision == written).await;
    assert!(after <= SPREAD * 2, "{after:?}");
    assert_eq!(report(&store, "web-1").await.restart, ["disk"]);

    let bad = store.put("/app/workers", "many");
    until("refused", async || report(&store, "web-1").await.refused.is_some()).await;
    let said = report(&store, "web-1").await;
    assert_eq!((said.revision, said.keys), (written, None));
    let refused = said.refused.unwrap();
    assert_eq!((refused.revision, refused.omitted, refused.problems.len()), (bad, 0, 1));
    assert_eq!(refused.problems[0].key, "/app/workers");
    assert!(refused.problems[0].what.starts_with("\"many\" is not a whole number"), "{refused:?}");
    // What no field reads is refused with the rest, as long as that is.
    let later = store.put("/app/other", "x");
    sleep(A_WHILE).await;
    assert_eq!(report(&store, "web-1").await.refused.unwrap().revision, later);
    let good = store.put("/app/workers", "14");
    sleep(A_WHILE).await;
    let said = report(&store, "web-1").await;
    assert_eq!((said.revision, said.keys, said.refused), (good, Some(3), None));
}

/// Otherwise the writes of the fleet would make each other necessary, for ever.
#[tokio::test(start_paused = true)]
async fn what_is_written_elsewhere_makes_nobody_write() {
    seeded();
    let store = store();
    let _lives = (instance(&store, "web-1").await, instance(&store, "web-2").await);
    sleep(A_WHILE).await;
    let before = texts(&store).await;
    let begin = store.revision();
    for number in 1..=600_u64 {
        assert_eq!(store.put("/elsewhere", "x"), begin + number, "somebody else has written");
        sleep(Duration::from_secs(10)).await;
    }
    assert_eq!(texts(&store).await, before);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_no_field_reads_and_one_with_the_same_value_are_said_as_well() {
    seeded();
    let store = store();
    let _live = instance(&store, "web-1").await;
    for key in ["/app/nobody", "/app/workers"] {
        let written = store.put(key, "12");
        until("said", async || report(&store, "web-1").await.revision == written).await;
    }
    let deleted = store.delete("/app/nobody");
    until("said", async || report(&store, "web-1").await.revision == deleted).await;
}

const MANY: usize = 200;

#[tokio::test(start_paused = true)]
async fn many_that_see_one_change_do_not_write_at_one_moment() {
    seeded();
    let store = store();
    let mut lives = Vec::new();
    for number in 0..MANY {
        lives.push(instance(&store, &format!("web-{number:03}")).await);
    }
    sleep(A_WHILE).await;
    let begin = Instant::now();
    store.put("/app/workers", "13");
    let mut each = Vec::new();
    while each.iter().sum::<u64>() < MANY as u64 {
        assert!(begin.elapsed() < SPREAD * 3, "{each:?}");
        let before = store.revision();
        sleep(Duration::from_millis(50)).await;
        each.push(store.revision() - before);
    }
    // Ten on average.
    assert!(each.len() >= 19 && each.iter().all(|writes| *writes <= 25), "{each:?}");
    let all = store.revision();
    sleep(A_WHILE).await;
    assert_eq!(store.revision(), all, "one write of each");
    for live in lives {
        live.close_async(Duration::from_secs(1)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_changes_all_the_time_writes_at_most_so_often() {
    seeded();
    let store = store();
    let _live = instance(&store, "web-1").await;
    sleep(A_WHILE).await;
    let (before, mut own) = (store.revision(), 0);
    for number in 0..600 {
        store.put("/app/workers", number.to_string());
        own += 1;
        sleep(Duration::from_millis(100)).await;
    }
    let writes = store.revision() - before - own;
    assert!((2..=60).contains(&writes), "{writes} in a minute");
    until("said", async || report(&store, "web-1").await.revision >= before + own).await;
    let eager = Settings::options().instance("web-2").instance_spread(Duration::ZERO);
    let eager = eager.watch_async(&store).await.unwrap();
    until("listed", async || eager.status().instance.is_some()).await;
    let written = store.put("/app/workers", "1");
    eager.wait_for_revision_async(written, A_WHILE).await.unwrap();
    let after = until("said", async || report(&store, "web-2").await.revision == written).await;
    assert!(after <= Duration::from_millis(20), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_written_and_what_is_long_is_cut() {
    seeded();
    let store = MemoryStore::from([("/app/pin", "1234")]);
    let _live = instance(&store, "web-1").await;
    let long = "x".repeat(100_000);
    store.transaction().put("/app/pin", "hunter2").put("/app/workers", long.as_str()).commit();
    until("refused", async || report(&store, "web-1").await.refused.is_some()).await;
    let text = texts(&store).await.concat();
    assert!(text.contains("/app/pin") && !text.contains("hunter2") && !text.contains("1234"), "{text}");
    assert!(text.len() < 2_000, "{}", text.len());
}

#[tokio::test(start_paused = true)]
async fn without_a_name_nothing_is_written() {
    let store = store();
    let before = store.revision();
    let live = Settings::options().instance_version("1.0").watch_async(&store).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    assert_eq!((store.revision(), live.status().instance), (before, None));
}
