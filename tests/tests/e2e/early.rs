//! Slow links to servers that tell how far they are before they have sent it: all before 3.4.25 and
//! 3.5.8 (etcd-io/etcd#15220).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Mutex;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_config::EtcdConfig;
use etcd_config_tests::{
    Chunks, Flat, History, PREFIX, Proxy, Server, Watched, Witness, block_on, on_each_line, until_live,
};

/// Two and a half megabytes a second.
const SLOW: Chunks = Chunks::Paced(64 << 10, Duration::from_millis(25));

const SLOWER: Chunks = Chunks::Paced(32 << 10, Duration::from_millis(40));

#[test]
fn a_revision_is_waited_for_until_its_changes_have_arrived() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        history.put("n", "1");
        let Watched { proxy, live, witness } =
            Watched::through(&server, |proxy| Flat::options().audit_interval(None).watch(proxy.endpoint()));
        proxy.pass_on(SLOW);
        let value = "x".repeat(60_000);
        for n in 0..400 {
            history.put("large", &format!("{n}{value}"));
        }
        let revision = history.put("n", "2");
        live.wait_for_revision(revision, Duration::from_secs(120)).expect("in force");
        assert_eq!(live.load().all["n"], "2", "{}", live.status());
        witness.converges(&history, Duration::from_secs(10));
        assert_eq!(live.status().counters.repairs, 0, "{}", live.status());
    });
}

/// What is written elsewhere moves the revision without a word on the stream: the store is asked, at
/// once and not when the next sign of life is due.
#[test]
fn a_revision_of_another_prefix_is_in_force_at_once() {
    const TIMES: u32 = 20;
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let live = Flat::watch(server.endpoint()).expect("a first snapshot");
        let witness = Witness::watching(&live);
        let mut waited = Duration::ZERO;
        for n in 0..TIMES {
            let elsewhere = history.head().0 + 1;
            server.put("/elsewhere", &n.to_string());
            let start = Instant::now();
            live.wait_for_revision(elsewhere, Duration::from_secs(20)).expect("in force");
            waited += start.elapsed();
            history.put("a", &n.to_string());
        }
        assert!(waited < TIMES * Duration::from_millis(250), "{waited:?} for {TIMES} times");
        witness.converges(&history, Duration::from_secs(2));
        let counters = live.status().counters;
        assert_eq!((counters.lists, counters.repairs, counters.losses), (1, 0, 0), "{}", live.status());
    });
}

/// The stream is alive all the time; that the store holds something newer gives it away, before an audit.
#[test]
fn a_change_that_never_arrives_is_read() {
    on_each_line(|etcd| {
        if !etcd.version().is_early() {
            return; // its progress is believed, so that only an audit finds it
        }
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        history.write([("a", Some("1")), ("b", Some("1"))]);
        let options = Flat::options().audit_interval(None).progress_interval(Duration::from_secs(1));
        let Watched { proxy, live, witness } =
            Watched::through(&server, |proxy| options.watch(proxy.endpoint()));
        proxy.lose_watch_frame();
        history.delete("b");
        until_live(&live, Duration::from_secs(10), "without b", |live| {
            let status = live.status();
            let is_without = !live.load().all.contains_key("b");
            assert!(is_without || status.revision < history.head().0, "called current: {status}");
            is_without
        });
        witness.converges(&history, Duration::from_secs(2));
        assert_eq!(live.status().counters.lists, 2, "{}", live.status());
    });
}

/// Nobody waits; only the signs of life are asked for.
#[test]
fn nothing_is_called_current_that_has_not_arrived() {
    const COUNT: u64 = 4_000;
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        history.write([("a", Some("0")), ("b", Some("0"))]);
        let proxy = Proxy::to(&server.address());
        let options = Flat::options().audit_interval(None).progress_interval(Duration::from_millis(1_500));
        let live = options.watch(proxy.endpoint()).expect("a first snapshot");
        Witness::watching(&live);
        proxy.pass_on(SLOWER);
        let written = Mutex::default();
        let check = || {
            let status = live.status();
            let snapshot = live.snapshot();
            let number = |name: &str| snapshot.all[name].trim_end_matches('x').parse::<u64>();
            let (a, b) = (number("a").expect("a number"), number("b").expect("a number"));
            assert_eq!(a, b, "torn: {status}");
            let written: &BTreeMap<u64, u64> = &written.lock().expect("not poisoned");
            let last = written.range(..=status.revision).next_back();
            if let Some((revision, _)) = last {
                assert!(*revision <= snapshot.revision(), "{revision} has not arrived: {status}");
            }
            written.len() as u64 == COUNT && written.values().next_back() == Some(&a)
        };
        thread::scope(|scope| {
            scope.spawn(|| write_numbers(&server, COUNT, &written));
            until_live(&live, Duration::from_secs(240), "all numbers", |_| check());
        });
        let status = live.status();
        assert_eq!((status.counters.repairs, status.counters.rewinds), (0, 0), "{status}");
    });
}

/// Each number in one transaction with two kilobytes beside it, as fast as the server can; notes the
/// revisions.
fn write_numbers(server: &Server, count: u64, written: &Mutex<BTreeMap<u64, u64>>) {
    block_on(async {
        let client = Client::builder().endpoints([server.endpoint()]).timeout(Duration::from_secs(60));
        let client = client.build().expect("a client");
        let filling = "x".repeat(2_000);
        let write = async |n: u64| {
            let write = client.txn().then(client.put(format!("{PREFIX}a"), n.to_string()));
            let write = write.then(client.put(format!("{PREFIX}b"), format!("{n}{filling}")));
            let revision = write.await.expect("written").header.revision;
            written.lock().expect("not poisoned").insert(revision, n);
        };
        let (next, write) = (&Cell::new(1), &write);
        let writer = || async move {
            while next.get() <= count {
                write(next.replace(next.get() + 1)).await;
            }
        };
        join_all((0..50).map(|_| writer())).await;
    });
}

async fn join_all(tasks: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut tasks: Vec<_> = tasks.map(Box::pin).collect();
    poll_fn(|cx| {
        tasks.retain_mut(|task| task.as_mut().poll(cx).is_pending());
        if tasks.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
