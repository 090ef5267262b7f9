//! Watchers whose server fails.

use std::time::{Duration, Instant};

use etcd_client_core::Kind;
use etcd_client_core::v2::{Client, Event};
use etcd_config_tests::{Reply, Scripted, block_on, soon};
use tokio::time::{sleep, timeout};

use super::line::next;

const CHANGE: &str = r#"{"action":"set","node":{"key":"/k","value":"v","modifiedIndex":7,"createdIndex":7}}"#;

#[test]
fn w12_stop_during_backoff() {
    for server in
        [Scripted::always(Reply::new(200, "garbage").etcd("a", 5)), Scripted::always(Reply::hang_up())]
    {
        block_on(async {
            let client = Client::new([server.endpoint()]).unwrap();
            let mut watcher = client.watcher("k").start();
            assert!(matches!(next(&mut watcher).await, Event::Error(_) | Event::Reconnect(_)));
            // One more poll enters the backoff.
            assert!(timeout(Duration::from_millis(50), watcher.next()).await.is_err());
            let asked = server.count();
            watcher.stop();
            watcher.stop();
            assert!(matches!(soon(watcher.next()).await, Some(Event::Stop)));
            assert!(soon(watcher.next()).await.is_none());
            sleep(Duration::from_secs(3)).await;
            assert_eq!(server.count(), asked, "a request after the stop");
        });
    }
}

#[test]
fn w13_garbage_with_status_200() {
    for garbage in ["garbage not json", "{}", "<html>nothing</html>"] {
        let server = Scripted::always(Reply::new(200, garbage).etcd("a", 5));
        block_on(async {
            let client = Client::new([server.endpoint()]).unwrap();
            let mut watcher = client.watcher("k").start();
            for _ in 0..2 {
                match next(&mut watcher).await {
                    Event::Error(error) => assert_eq!(error.kind(), Kind::Protocol, "{error}"),
                    other => panic!("{other:?} instead of an error"),
                }
            }
            let asked = server.asked();
            let pause = asked.last().unwrap().at - asked[0].at;
            assert!(pause >= Duration::from_millis(300), "{pause:?}");
            assert!(asked.len() <= 3, "{} requests", asked.len());
        });
    }
}

#[test]
fn w15_headers_and_then_the_end() {
    let change = Scripted::new(|asked| {
        let is_next = asked.target.contains("waitIndex=6");
        if is_next { Reply::new(200, CHANGE).etcd("a", 7) } else { Reply::silence().etcd("a", 7) }
    });
    let cut = Scripted::always(Reply::cut().etcd("a", 5));
    // Order is random, so the watcher is started until it begins at the server that cuts.
    block_on(async {
        for _ in 0..100 {
            let client = Client::new([cut.endpoint(), change.endpoint()]).unwrap();
            let mut watcher = client.watcher("k").start();
            let before = cut.count();
            let Ok(Some(event)) = timeout(Duration::from_millis(300), watcher.next()).await else { continue };
            assert_eq!(cut.count(), before + 1);
            let Event::Reconnect(lost) = event else { panic!("{event:?} instead of a reconnect") };
            assert_eq!((lost.error.kind(), lost.attempt, lost.wait_index), (Kind::Unavailable, 0, Some(6)));
            assert_eq!(lost.delay, Duration::ZERO, "there is another server");
            let started = Instant::now();
            assert_eq!(next(&mut watcher).await.change().unwrap().value(), Some("v"));
            assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
            return;
        }
        panic!("never began at the server that cuts");
    });
}

#[test]
fn w17_backoff_grows_and_is_capped() {
    let refused = { Scripted::always(Reply::hang_up()).endpoint() };
    // Refusals come at once, so that the pauses are all that takes time; the clock skips them.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let client = Client::new([refused]).unwrap();
        let mut watcher = client.watcher("k").start();
        for attempt in 0..30 {
            let started = tokio::time::Instant::now();
            let event = watcher.next().await;
            let Some(Event::Reconnect(lost)) = event else { panic!("{event:?} instead of a reconnect") };
            assert_eq!(lost.attempt, attempt);
            let least = Duration::from_millis(300 << attempt.min(20)).min(Duration::from_secs(30));
            let most = (least + Duration::from_secs(1)).min(Duration::from_secs(30));
            assert!((least..=most).contains(&lost.delay), "{:?} at attempt {attempt}", lost.delay);
            if attempt > 0 {
                assert!(started.elapsed() >= Duration::from_millis(300), "a hot loop at attempt {attempt}");
            }
        }
    });
}
