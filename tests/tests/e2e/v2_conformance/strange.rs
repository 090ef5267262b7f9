//! Answers that no etcd should give, and some that it does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client_core::v2::{Client, Event};
use etcd_client_core::{Prefix, Store};
use etcd_config_tests::{Answer, Proxy, Reply, Scripted, block_on, over_v2};
use tokio::time::{Instant, timeout, timeout_at};

use super::line::{is_quiet, next, on_own_servers};

fn node(action: &str, index: u64) -> String {
    format!(
        r#"{{"action":"{action}","node":{{"key":"/k","value":"{index}","modifiedIndex":{index},"createdIndex":{index}}}}}"#
    )
}

#[test]
fn a_watch_whose_answers_make_no_sense_ends_and_does_not_spin() {
    for reply in [Reply::new(200, "garbage").etcd("a", 5), Reply::cut().etcd("a", 5)] {
        let server = Scripted::always(reply);
        let client = Client::builder().endpoints([server.endpoint()]).max_retries(2).build().unwrap();
        let end = block_on(async { timeout(Duration::from_secs(10), client.watch("k").into_future()).await });
        assert!(end.expect("an end").expect_err("no change").is_transient());
        assert!(server.count() < 12, "{} requests", server.count());
    }
}

#[test]
fn one_address_of_two_clusters_is_read_in_turn_but_slower_and_slower() {
    let turn = AtomicUsize::new(0);
    let server = Scripted::new(move |asked| {
        let turn = turn.fetch_add(1, Ordering::SeqCst);
        let cluster = if turn.is_multiple_of(2) { "a" } else { "b" };
        let reply = match asked.target.contains("wait=true") {
            true if turn == 0 => Reply::cut(),
            true => Reply::silence(),
            false => Reply::new(200, node("get", 9)),
        };
        reply.etcd(cluster, 10)
    });
    block_on(async {
        let mut events = Client::new([server.endpoint()]).unwrap().watcher("k").start();
        let (until, mut resyncs) = (Instant::now() + Duration::from_secs(3), 0);
        while let Ok(event) = timeout_at(until, events.next()).await {
            resyncs += usize::from(matches!(event, Some(Event::Resync(_))));
        }
        assert!((1..12).contains(&resyncs), "{resyncs} resyncs in 3 s");
    });
}

#[test]
fn a_page_in_the_place_of_etcd_is_no_rewind() {
    over_v2(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "0");
        let proxy = Proxy::to(&server.address());
        let live = stage.watch([proxy.endpoint()]).expect("a first snapshot");
        let witness = etcd_config_tests::Witness::of(&live);
        for page in ["<h1>log in</h1>", ""] {
            witness.watches(Duration::from_secs(5));
            proxy.answer(Answer::html(200, page));
            proxy.cut();
            let is_said = |status: &etcd_config::Status| {
                status.state.error().is_some_and(|error| error.to_string().contains("not etcd's"))
            };
            witness.waits_for("said", Duration::from_secs(5), is_said);
            history.put("a", page);
            proxy.accept();
            witness.converges(&history, Duration::from_secs(5));
        }
        assert_eq!(live.status().counters.rewinds, 0, "{}", live.status());
    });
}

/// As where a leader's snapshot brings it what it has missed.
#[test]
fn a_poll_of_a_member_that_lagged_is_not_believed_where_it_skips_something() {
    let first = AtomicUsize::new(0);
    let server = Scripted::new(move |asked| {
        let Some(from) = asked.target.split("waitIndex=").nth(1) else {
            let reply = if asked.target.contains("wait=true") {
                Reply::cut().etcd("a", 10)
            } else {
                Reply::new(200, node("get", 12)).etcd("a", 12)
            };
            return reply;
        };
        let from = from.split('&').next().unwrap().parse().unwrap();
        match from {
            11 if first.fetch_add(1, Ordering::SeqCst) == 0 => Reply::new(200, node("set", 13)).etcd("a", 5),
            from if from <= 13 => Reply::new(200, node("set", from)).etcd("a", 13),
            _ => Reply::silence().etcd("a", 13),
        }
    });
    block_on(async {
        let mut events = Client::new([server.endpoint()]).unwrap().watcher("k").start();
        assert!(matches!(next(&mut events).await, Event::Reconnect(_)));
        for index in 11..=13 {
            assert_eq!(next(&mut events).await.change().unwrap().index(), Some(index));
        }
    });
}

#[test]
fn a_directory_whose_name_begins_alike_is_another_one() {
    on_own_servers("alike", &async |line| {
        line.client.set(line.key("application/k"), "v").await.unwrap();
        let start = line.client.set(line.key("app/k"), "v").await.unwrap().into_body().index().unwrap();
        line.client.delete(line.key("app")).recursive(true).await.unwrap();
        let mut events = line.client.watcher(line.key("application/k")).index(start + 1).start();
        assert!(is_quiet(&mut events).await);
        line.client.set(line.key("application/k"), "w").await.unwrap();
        assert!(next(&mut events).await.change().is_some());
    });
}

#[test]
fn below_a_key_there_is_nothing() {
    on_own_servers("below", &async |line| {
        line.client.set("/parent", "v").await.unwrap();
        let listing = line.client.list(&Prefix::new("/parent/cfg")).await.unwrap();
        assert!(listing.entries.is_empty() && listing.revision > 0, "{listing:?}");
    });
}
