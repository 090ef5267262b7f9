//! Calls and watches that nobody waits for any longer, at whatever point they are.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_client_core::{Prefix, Store, Watcher, watcher};
use etcd_config_tests::{Proxy, Server, block_on, servers};

/// Polls it so often, with a moment after each, and lets go of it.
async fn poll<T>(future: impl IntoFuture<Output = T>, times: usize) {
    let mut future = Box::pin(future.into_future());
    for _ in 0..times {
        let done = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut future).poll(cx).is_ready()));
        if done.await {
            return;
        }
        tokio::time::sleep(Duration::from_micros(300)).await;
    }
}

#[test]
fn what_is_abandoned_leaves_nothing_to_the_server_and_does_not_spoil_what_follows() {
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        server.put("/app/a", "1");
        let proxy = Proxy::to(&server.address());
        proxy.delay_replies(Duration::from_millis(1));
        block_on(async {
            let client = Client::new([proxy.endpoint()]).unwrap();
            let prefix = Prefix::new("/app");
            for times in (0..50).step_by(3) {
                // Half of them begin on new connections.
                let client = if times % 2 == 0 { client.clone() } else { client.with_own_connections() };
                poll(client.get("/app/a"), times).await;
                poll(client.put("/app/b", "1"), times).await;
                poll(client.watch("/app/"), times).await;
                let listing = client.list(&prefix).await.unwrap();
                poll(client.list(&prefix), times).await;
                poll(Store::watch(&client, &prefix, Some(listing.revision)), times).await;
                let mut watcher =
                    Watcher::new(Arc::new(client.clone()), prefix.clone(), watcher::Options::default());
                let follow = async {
                    loop {
                        watcher.next().await;
                    }
                };
                poll::<()>(follow, times).await;
            }
            let start = Instant::now();
            client.get("/app/a").await.unwrap();
            client.put("/app/c", "1").await.unwrap();
            let watch = client.watch("/app/").await.unwrap();
            // After a second another endpoint would be asked.
            assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
            drop(watch);
            let start = Instant::now();
            let watchers = || server.metric("etcd_debugging_mvcc_watcher_total");
            while watchers() > 0.0 {
                assert!(start.elapsed() < Duration::from_secs(5), "{} watchers on {etcd}", watchers());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert!(proxy.open_connections() <= 20, "{} connections", proxy.open_connections());
        });
    }
}
