//! Histories that went backwards, or seem to have.

use std::time::Duration;

use etcd_client_core::MemoryStore;
use etcd_client_core::watcher::{Cause, Event, State};

use crate::Follower;

#[tokio::test(start_paused = true)]
async fn a_restored_backup_is_announced_and_read() {
    let store = MemoryStore::from([("/p/a", "1")]);
    let backup = store.revision();
    let seen = store.put("/p/b", "2");
    let mut follower = Follower::new(store);
    follower.watching().await;
    follower.store.rewind(backup);
    let announced = follower.until(|event| match event {
        Event::Rewound { seen, now, cluster_changed } => Some((seen, now, cluster_changed)),
        _ => None,
    });
    assert_eq!(announced.await, (seen, backup, false));
    assert_eq!(follower.changed().await, (Cause::Resync, backup, vec!["/p/b-".into()]));
}

#[tokio::test(start_paused = true)]
async fn another_cluster_is_announced_and_read() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1"), ("/p/b", "2")]));
    follower.watching().await;
    follower.store.wipe(true);
    for n in 0..10 {
        follower.store.put("/p/a", n.to_string());
    }
    let changed = follower.until(|event| match event {
        Event::Rewound { cluster_changed, .. } => Some(cluster_changed),
        _ => None,
    });
    assert!(changed.await);
    assert_eq!(follower.changed().await.2, ["/p/a=9", "/p/b-"]);
}

/// A follower of a store that has gone back by one revision since, and forth by two.
async fn overtaken() -> Follower {
    let store = MemoryStore::from([("/p/a", "1")]);
    let backup = store.revision();
    store.put("/p/lost", "x");
    let mut follower = Follower::new(store);
    follower.watching().await;
    follower.store.rewind(backup);
    follower.store.put("/p/a", "2");
    follower.store.put("/p/a", "3");
    follower
}

#[tokio::test(start_paused = true)]
async fn a_rewind_that_was_overtaken_is_found_by_what_is_held() {
    let mut follower = overtaken().await;
    let rewound = follower.until(|event| match event {
        Event::Rewound { seen, now, .. } => Some((seen, now)),
        Event::Changed { .. } => panic!("{event:?} before the rewind"),
        _ => None,
    });
    assert_eq!(rewound.await, (3, 4));
    let keys = vec!["/p/a=3".into(), "/p/lost-".into()];
    assert_eq!(follower.changed().await, (Cause::Resync, 4, keys));
}

#[tokio::test(start_paused = true)]
async fn a_rewind_that_was_overtaken_is_read_anew_where_the_past_is_forgotten() {
    let mut follower = overtaken().await;
    let now = follower.store.revision();
    follower.store.compact(now);
    let keys = vec!["/p/a=3".into(), "/p/lost-".into()];
    assert_eq!(follower.changed().await, (Cause::Resync, now, keys));
}

#[tokio::test(start_paused = true)]
async fn a_rewind_is_announced_even_when_it_is_overtaken_before_the_listing() {
    let store = MemoryStore::from([("/p/a", "1")]);
    let backup = store.revision();
    let seen = store.put("/p/b", "2");
    let mut follower = Follower::new(store);
    follower.watching().await;
    follower.store.rewind(backup);
    follower.until(|event| matches!(event, Event::State(State::Listing)).then_some(())).await;
    for n in 0..10 {
        follower.store.put("/p/a", n.to_string());
    }
    let now = follower.store.revision();
    let announced = follower.until(|event| match event {
        Event::Rewound { seen, now, .. } => Some((seen, now)),
        _ => None,
    });
    assert_eq!(announced.await, (seen, now));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_lags_behind_its_cluster_is_no_rewind() {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "1")]));
    follower.watching().await;
    // The audit behind a reconnect reads past what the member that is watched has come to.
    follower.store.lag(true);
    follower.store.put("/p/a", "2");
    follower.store.cut();
    assert_eq!(follower.changed().await.2, ["/p/a=2"]);
    follower.store.cut();
    let events = follower.within(Duration::from_secs(60)).await;
    assert!(!events.iter().any(|event| matches!(event, Event::Rewound { .. })), "{events:#?}");
    assert!(!events.iter().any(|event| matches!(event, Event::State(State::Listing))), "{events:#?}");
    assert_eq!(follower.watcher.counters().rewinds, 0);

    // The same where what was held is forgotten, and has to be listed before anything.
    for n in 0..5 {
        follower.store.put("/q/other", n.to_string());
    }
    follower.store.compact(follower.store.revision());
    follower.store.cut();
    let events = follower.within(Duration::from_secs(60)).await;
    assert!(!events.iter().any(|event| matches!(event, Event::Rewound { .. })), "{events:#?}");
    let tries = events.iter().filter(|event| matches!(event, Event::State(State::Listing))).count();
    assert!((1..15).contains(&tries), "{tries} listings in a minute");

    follower.store.lag(false);
    follower.store.put("/p/a", "3");
    assert_eq!(follower.changed().await.2, ["/p/a=3"]);
    follower.watching().await;
}
