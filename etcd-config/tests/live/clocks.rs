//! A runtime whose clock is moved by hand.

use std::time::Duration;

use etcd_config::EtcdConfig;
use etcd_config_tests::until_async;

use crate::service::{Service, runtime, store};

#[test]
fn waiting_goes_by_the_clock_of_the_runtime() {
    runtime().block_on(async {
        let store = store();
        let settings = Service::watch_async(&store).await.unwrap();
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(600)).await;
        let begin = tokio::time::Instant::now();
        let limit = Duration::from_secs(10);
        assert!(settings.wait_until_async(|_| false, limit).await.unwrap_err().is_timeout());
        assert!(begin.elapsed() >= limit, "{:?} of {limit:?}", begin.elapsed());
        let begin = tokio::time::Instant::now();
        assert!(settings.wait_for_revision_async(1_000, limit).await.unwrap_err().is_timeout());
        assert!(begin.elapsed() >= limit, "{:?} of {limit:?}", begin.elapsed());
    });
}

#[test]
fn a_debounce_window_goes_by_the_clock_of_the_runtime() {
    runtime().block_on(async {
        let store = store();
        let window = Duration::from_secs(10);
        let settings = Service::options().debounce(window).watch_async(&store).await.unwrap();
        until_async("watching", || settings.status().state.is_watching()).await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(600)).await;
        store.put("/service/workers", "1");
        let begin = tokio::time::Instant::now();
        settings.wait_until_async(|s| s.workers == 1, window * 10).await.unwrap();
        assert!(begin.elapsed() >= window, "published after {:?} of {window:?}", begin.elapsed());
    });
}
