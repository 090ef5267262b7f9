//! Ending calls and watchers.

use std::time::Duration;

use etcd_client_core::v2::{Client, Event};
use etcd_client_core::{Error, Kind};
use etcd_config_tests::{Reply, Scripted, block_on, soon};
use tokio::time::{sleep, timeout};

use super::line::{next, on_each_line, on_own_servers, registered, until_watchers, watchers};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn w11_stop_in_the_handler_of_a_change() {
    on_own_servers("w11", &async |line| {
        let mut watcher = registered(&line.client, line.client.watcher(line.key("k")).start()).await;
        line.client.set(line.key("k"), "v").await.unwrap();
        let event = next(&mut watcher).await;
        assert!(matches!(event, Event::Change(_)));
        watcher.stop();
        until_watchers(&line.client, 0, SECOND).await;
        line.client.set(line.key("k"), "w").await.unwrap();
        assert!(matches!(soon(watcher.next()).await, Some(Event::Stop)));
        assert!(soon(watcher.next()).await.is_none());
        sleep(Duration::from_millis(500)).await;
        assert_eq!(watchers(&line.client).await, 0);

        // From elsewhere, while somebody waits for an event.
        let mut watcher = registered(&line.client, line.client.watcher(line.key("k")).start()).await;
        let handle = watcher.stop_handle();
        let waiting = tokio::spawn(async move { (watcher.next().await, watcher.next().await) });
        sleep(Duration::from_millis(50)).await;
        handle.abort();
        let (event, end) = timeout(SECOND, waiting).await.unwrap().unwrap();
        assert!(matches!(event, Some(Event::Stop)) && end.is_none());
        until_watchers(&line.client, 0, SECOND).await;
    });
}

#[test]
fn x01_abort_before_the_response() {
    on_each_line("x01", &async |line| {
        let call = line.client.get(line.key("k"));
        let handle = call.abort_handle();
        assert!(!handle.is_aborted());
        handle.abort();
        handle.cancel();
        assert!(handle.is_aborted());
        assert_eq!(call.await.unwrap_err().kind(), Kind::Aborted);
    });
    // While the answer is awaited, and in the pauses between rounds.
    let silent = Scripted::always(Reply::silence());
    let refused = { Scripted::always(Reply::hang_up()).endpoint() };
    for endpoint in [silent.endpoint(), refused] {
        block_on(async {
            let call = Client::new([endpoint]).unwrap().set("k", "v");
            let handle = call.abort_handle();
            let call = tokio::spawn(call.into_future());
            sleep(Duration::from_millis(100)).await;
            handle.abort();
            let error: Error = timeout(Duration::from_millis(500), call).await.unwrap().unwrap().unwrap_err();
            assert_eq!(error.kind(), Kind::Aborted);
        });
    }
}

#[test]
fn x03_ending_a_watch_frees_the_server() {
    on_own_servers("x03", &async |line| {
        let watch = line.client.watch(line.key("k"));
        let handle = watch.abort_handle();
        let watch = tokio::spawn(watch.into_future());
        until_watchers(&line.client, 1, Duration::from_secs(10)).await;
        handle.abort();
        assert_eq!(watch.await.unwrap().unwrap_err().kind(), Kind::Aborted);
        until_watchers(&line.client, 0, SECOND).await;

        let dropped = line.client.watch(line.key("k")).open().await.unwrap();
        until_watchers(&line.client, 1, SECOND).await;
        drop(dropped);
        until_watchers(&line.client, 0, SECOND).await;

        let watcher = registered(&line.client, line.client.watcher(line.key("k")).start()).await;
        drop(watcher);
        until_watchers(&line.client, 0, SECOND).await;
    });
}

#[test]
fn x05_what_a_call_is_given_stays_as_it_was() {
    on_each_line("x05", &async |line| {
        let (key, value, expected) = (line.key("k"), "new".to_owned(), "old".to_owned());
        line.client.set(&key, &expected).await.unwrap();
        line.client.compare_and_swap(&key, &value, &expected).await.unwrap();
        let watch = line.client.watch(&key).recursive(true).open().await.unwrap();
        line.client.set(&key, &value).await.unwrap();
        watch.await.unwrap();
        assert_eq!((key.as_str(), value.as_str(), expected.as_str()), ("/x05/k", "new", "old"));
    });
}
