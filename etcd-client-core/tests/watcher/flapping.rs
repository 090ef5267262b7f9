//! Connections that are good, and are cut again and again.

use std::time::Duration;

use etcd_client_core::{Change, MemoryStore};
use tokio::time::{Instant, sleep, timeout_at};

use super::Follower;
use etcd_client_core::watcher::Event;

/// The oldest that what is held has been in ten minutes, with a write each 100 ms and a cut each
/// `interval`, on a store that takes so long to answer.
async fn oldest(interval: Duration, delay: Duration) -> Duration {
    let mut follower = Follower::new(MemoryStore::from([("/p/a", "0")]));
    follower.watching().await;
    follower.store.delay(delay);
    let (start, store) = (Instant::now(), follower.store.clone());
    let cuts = tokio::spawn(async move {
        loop {
            sleep(interval).await;
            store.cut();
        }
    });
    let (mut held, mut oldest) = (Duration::ZERO, Duration::ZERO);
    while start.elapsed() < Duration::from_secs(600) {
        follower.store.put("/p/a", start.elapsed().as_millis().to_string());
        let next_write = Instant::now() + Duration::from_millis(100);
        while let Ok(event) = timeout_at(next_write, follower.watcher.next()).await {
            let Event::Changed { batch, .. } = event else { continue };
            let Some(Change::Put(entry)) = batch.changes.last() else { continue };
            let written: u64 = String::from_utf8_lossy(&entry.value).parse().expect("a time");
            held = Duration::from_millis(written);
        }
        oldest = oldest.max(start.elapsed().saturating_sub(held));
    }
    cuts.abort();
    oldest
}

#[tokio::test(start_paused = true)]
async fn what_is_read_over_connections_that_are_cut_all_the_time_is_seconds_old() {
    let (none, second) = (Duration::ZERO, Duration::from_secs(1));
    for (interval, delay) in
        [(second / 5, none), (second, none), (second, second / 50), (second * 7, second / 10)]
    {
        let oldest = oldest(interval, delay).await;
        assert!(oldest < second * 5, "{oldest:?} with a cut each {interval:?} and answers in {delay:?}");
    }
}
