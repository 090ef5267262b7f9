//! The v3 client as a store: listings at one revision, and watches from there.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::v3::Client;
use etcd_client_core::watcher::{Cause, Event, Options};
use etcd_client_core::{Change, Error, Kind, Known, Opened, Prefix, Signal, Store, Watcher};
use etcd_config_tests::{Proxy, Server, block_on, servers, soon};
use tokio::time::timeout;

fn on_each_line(test: &impl AsyncFn(Client, &Server)) {
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        block_on(test(Client::new([server.endpoint()]).unwrap(), &server));
    }
}

async fn next(opened: &mut Opened) -> Result<Signal, Error> {
    let signal = poll_fn(|cx| opened.watch.poll_next(cx));
    timeout(Duration::from_secs(5), signal).await.expect("a signal within 5 s")
}

async fn fill(client: &Client, count: usize, value: &str) {
    for chunk in 0..count.div_ceil(100) {
        let keys = (chunk * 100)..((chunk + 1) * 100).min(count);
        let txn = keys.fold(client.txn(), |txn, i| txn.then(client.put(format!("/p/{i:06}"), value)));
        txn.await.unwrap();
    }
}

/// Keys as the server counts them, so that no listing is trusted to judge itself.
async fn count(client: &Client, prefix: &str) -> u64 {
    client.get(prefix).prefix().count_only().await.unwrap().count
}

#[test]
fn a_listing_holds_all_of_the_prefix_at_one_revision() {
    on_each_line(&async |client, _| {
        let prefix = Prefix::new("/p");
        let empty = client.list(&prefix).await.unwrap();
        assert!(empty.entries.is_empty() && empty.cluster != 0 && empty.revision > 0);

        fill(&client, 25_000, "value").await;
        client.put("/p", "the directory's own name is not in it").await.unwrap();
        let head = client.put("/p0", "nor is what follows").await.unwrap().header.revision;
        let listing = client.list(&prefix).await.unwrap();
        assert_eq!((listing.revision, listing.cluster), (head, empty.cluster));
        assert_eq!(u64::try_from(listing.entries.len()).unwrap(), count(&client, "/p/").await);
        assert!(listing.entries.windows(2).all(|pair| pair[0].key < pair[1].key));
        assert!(listing.entries.iter().all(|entry| entry.value == "value" && entry.revision < head));
        let whole = client.list(&Prefix::new("")).await.unwrap();
        assert_eq!(whole.entries.len(), 25_002);
    });
}

#[test]
fn a_listing_under_writes_and_compactions_is_of_one_revision() {
    block_on(async {
        let server = Server::start();
        let client = Client::new([server.endpoint()]).unwrap();
        fill(&client, 15_000, "0").await;
        let writer = client.with_own_connections();
        let task = tokio::spawn(async move {
            for generation in 1_u64.. {
                let value = generation.to_string();
                let txn = writer.txn();
                let txn = txn.then(writer.put("/p/000000", &*value)).then(writer.put("/p/014999", &*value));
                let revision = txn.await.unwrap().header.revision;
                if generation % 4 == 0 {
                    writer.compact(revision).await.unwrap();
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        });
        let mut whole = 0;
        for _ in 0..40 {
            match client.list(&Prefix::new("/p")).await {
                Ok(listing) => {
                    let (first, last) = (&listing.entries[0], &listing.entries[14_999]);
                    assert_eq!(first.value, last.value);
                    assert!(first.revision == last.revision || first.value == "0");
                    whole += 1;
                }
                Err(error) => assert_eq!(error.kind(), Kind::Compacted, "{error}"),
            }
        }
        task.abort();
        assert!(whole > 0, "a storm of compactions has let no listing through");
        assert_eq!(client.list(&Prefix::new("/p")).await.unwrap().entries.len(), 15_000);
    });
}

#[test]
fn large_values_come_in_small_pages() {
    block_on(async {
        let server = Server::start();
        let client = Client::builder().endpoints([server.endpoint()]).receive_limit(5 << 20).build().unwrap();
        for i in 0..20 {
            client.put(format!("/p/{i:02}"), vec![b'x'; 1 << 20]).await.unwrap();
        }
        let listing = client.list(&Prefix::new("/p")).await.unwrap();
        assert_eq!(listing.entries.len(), 20);
        assert!(listing.entries.iter().all(|entry| entry.value.len() == 1 << 20));
        let tiny = Client::builder().endpoints([server.endpoint()]).receive_limit(1 << 20).build().unwrap();
        assert_eq!(tiny.list(&Prefix::new("/p")).await.unwrap_err().kind(), Kind::TooLarge);
    });
}

#[test]
fn a_watch_tells_each_revision_whole_and_none_twice() {
    on_each_line(&async |client, server| {
        let prefix = Prefix::new("/p");
        let before = client.list(&prefix).await.unwrap();
        fill(&client, 150, "a").await;
        client.put("/other", "x").await.unwrap();
        let mut opened = Store::watch(&client, &prefix, Some(before.revision)).await.unwrap();
        assert_eq!((opened.head, opened.cluster), (before.revision + 3, before.cluster));
        assert_eq!(opened.watch.endpoint(), server.endpoint());
        let txn = client.txn().then(client.delete("/p/000000")).then(client.put("/p/new", "b"));
        txn.await.unwrap();
        for (revision, changes) in [(1, 100), (2, 50), (4, 2)] {
            let Signal::Batch(batch) = next(&mut opened).await.unwrap() else { panic!("a batch") };
            assert_eq!((batch.revision, batch.changes.len()), (before.revision + revision, changes));
        }
        // What happens elsewhere advances the progress; an early server is not believed, but asked.
        client.put("/other", "y").await.unwrap();
        let (last, head) = (before.revision + 4, before.revision + 5);
        opened.watch.request_progress();
        let expected =
            if server.etcd().version().is_early() { Signal::Alive } else { Signal::Progress(head) };
        assert_eq!(next(&mut opened).await.unwrap(), expected);
        let known = Known { revision: last, cluster: before.cluster, count: 150 };
        assert_eq!(client.unchanged(&prefix, known).await.unwrap(), Some(head));
        for known in [Known { count: 149, ..known }, Known { revision: last - 1, ..known }] {
            assert_eq!(client.unchanged(&prefix, known).await.unwrap(), None);
        }
        let future = client.unchanged(&prefix, Known { revision: head + 1, ..known }).await.unwrap_err();
        assert_eq!(future.kind(), Kind::FutureRevision);
        assert!(client.unchanged(&prefix, Known { cluster: 1, ..known }).await.is_err(), "another cluster");
        client.delete("/p/").prefix().await.unwrap();
        let Signal::Batch(batch) = next(&mut opened).await.unwrap() else { panic!("a batch") };
        assert_eq!(batch.changes.len(), 150);
        assert!(batch.changes.iter().all(|change| matches!(change, Change::Delete(_))));
    });
}

#[test]
fn a_watch_is_told_its_progress_on_a_store_where_nothing_is_written() {
    on_each_line(&async |client, server| {
        let prefix = Prefix::new("/p");
        let held = client.list(&prefix).await.unwrap().revision;
        let mut opened = Store::watch(&client, &prefix, Some(held)).await.unwrap();
        for _ in 0..2 {
            opened.watch.request_progress();
            let limit = Duration::from_secs(2);
            let signal = tokio::time::timeout(limit, next(&mut opened)).await;
            let expected =
                if server.etcd().version().is_early() { Signal::Alive } else { Signal::Progress(held) };
            assert_eq!(signal.expect("an answer").unwrap(), expected, "{}", server.etcd());
        }
        client.put("/p/a", "1").await.unwrap();
        let Signal::Batch(batch) = next(&mut opened).await.unwrap() else { panic!("a batch") };
        assert_eq!(batch.revision, held + 1);
    });
}

/// Behind one endpoint, as behind a load balancer: early members tell progress too early, later ones do
/// not. It shows with a later one than 3.5.7 at hand.
#[test]
fn what_is_known_of_one_member_is_not_believed_of_another() {
    let lines = servers::with_v2();
    let cluster = Server::builder().etcd(lines[0]).start_cluster();
    let (early, later) = (cluster.member(1), cluster.member(0));
    later.restart_as(lines[lines.len() - 1]);
    let proxy = Proxy::to(&later.address());
    block_on(async {
        let client = Client::new([proxy.endpoint()]).unwrap();
        let prefix = Prefix::new("/p");
        let listed = client.list(&prefix).await.unwrap().revision; // connected for calls
        proxy.swap_backend(&early.address());
        let mut opened = Store::watch(&client, &prefix, Some(listed)).await.unwrap();
        early.put("/other", "x");
        opened.watch.request_progress();
        assert_eq!(next(&mut opened).await.unwrap(), Signal::Alive);
    });
}

#[test]
fn a_watch_without_a_start_begins_at_the_head() {
    block_on(async {
        let server = Server::start();
        let client = Client::new([server.endpoint()]).unwrap();
        let head = client.put("/p/a", "1").await.unwrap().header.revision;
        let mut opened = Store::watch(&client, &Prefix::new("/p"), None).await.unwrap();
        assert_eq!(opened.head, head);
        client.put("/p/a", "2").await.unwrap();
        let Signal::Batch(batch) = next(&mut opened).await.unwrap() else { panic!("a batch") };
        assert_eq!(batch.revision, head + 1);
    });
}

#[test]
fn a_watch_of_what_is_compacted_says_so() {
    on_each_line(&async |client, _| {
        let start = client.put("/p/a", "1").await.unwrap().header.revision;
        for _ in 0..5 {
            client.put("/p/a", "2").await.unwrap();
        }
        client.compact(start + 4).await.unwrap();
        let outcome = match Store::watch(&client, &Prefix::new("/p"), Some(start)).await {
            Ok(mut opened) => next(&mut opened).await.map(drop),
            Err(error) => Err(error),
        };
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.compact_revision()), (Kind::Compacted, Some(start + 4)));
        // The oldest revision that is left is one to go on from.
        let mut opened = Store::watch(&client, &Prefix::new("/p"), Some(start + 3)).await.unwrap();
        let Signal::Batch(batch) = next(&mut opened).await.unwrap() else { panic!("a batch") };
        assert_eq!(batch.revision, start + 4);
    });
}

#[test]
fn a_silent_server_is_left_for_another() {
    block_on(async {
        let server = Server::start();
        let (one, two) = (Proxy::to(&server.address()), Proxy::to(&server.address()));
        let client = Client::new([one.endpoint(), two.endpoint()]).unwrap();
        let prefix = Prefix::new("/p");
        let opened = Store::watch(&client, &prefix, Some(0)).await.unwrap();
        let first = opened.watch.endpoint().to_owned();
        let held = if first == one.endpoint() { &one } else { &two };
        held.hold(true);
        opened.watch.abandon();
        let start = std::time::Instant::now();
        client.list(&prefix).await.unwrap();
        let opened = Store::watch(&client, &prefix, Some(0)).await.unwrap();
        assert_ne!(opened.watch.endpoint(), first);
        assert!(start.elapsed() < Duration::from_secs(1), "the silent one was asked again");
    });
}

#[test]
fn a_twin_works_in_another_runtime() {
    let server = Server::start();
    let client = Client::new([server.endpoint()]).unwrap();
    block_on(async { drop(client.list(&Prefix::new("/p")).await.unwrap()) });
    let own: Arc<dyn Store> = Store::with_own_connections(&client);
    assert_ne!(own.identity(), client.identity());
    assert_eq!(client.clone().identity(), client.identity());
    block_on(async {
        let mut opened = own.watch(&Prefix::new("/p"), None).await.unwrap();
        let other = client.with_own_connections();
        other.put("/p/a", "1").await.unwrap();
        assert!(matches!(next(&mut opened).await, Ok(Signal::Batch(_))));
    });
}

#[test]
fn a_replay_over_the_receive_limit_becomes_a_listing() {
    block_on(async {
        let server = Server::start();
        let proxy = Proxy::to(&server.address());
        let client = Client::builder().endpoints([proxy.endpoint()]).receive_limit(4 << 20).build().unwrap();
        let writer = Client::new([server.endpoint()]).unwrap();
        writer.put("/p/00", "").await.unwrap();
        let mut watcher = Watcher::new(Arc::new(client), Prefix::new("/p"), Options::default());
        soon(async { while !matches!(watcher.next().await, Event::State(state) if state.is_watching()) {} })
            .await;
        proxy.shut();
        // The server sends the whole history that was missed in one frame.
        for i in 1..=12 {
            writer.put(format!("/p/{i:02}"), vec![b'x'; 1 << 20]).await.unwrap();
        }
        proxy.accept();
        let caught_up = async {
            loop {
                if let Event::Changed { batch, cause } = watcher.next().await {
                    return (batch.changes.len(), cause);
                }
            }
        };
        let caught_up = timeout(Duration::from_secs(60), caught_up).await.unwrap();
        assert_eq!(caught_up, (12, Cause::Resync));
    });
}
