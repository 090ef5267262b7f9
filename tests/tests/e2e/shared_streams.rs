//! Watches of one client share a stream, and none of them suffers for what happens to another.

use std::future::poll_fn;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_client_core::{Error, Kind, Opened, Prefix, Signal, Store};
use etcd_config::{EtcdConfig, Live};
use etcd_config_tests::{Flat, GrpcProxy, History, PREFIX, Proxy, Server, Witness, block_on, on_each_line};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(5);

fn streams(server: &Server) -> (f64, f64) {
    let metric = |name| server.metric(name);
    (metric("etcd_debugging_mvcc_watch_stream_total"), metric("etcd_debugging_mvcc_watcher_total"))
}

/// Waits until the server has so many streams with so many watches.
fn settles(server: &Server, expected: (f64, f64)) {
    let start = Instant::now();
    while streams(server) != expected {
        assert!(start.elapsed() < SOON, "{:?}, not {expected:?} on {}", streams(server), server.etcd());
        thread::sleep(Duration::from_millis(20));
    }
}

/// The next signal, without those of a large frame that is on its way, whoever it is for.
async fn next(opened: &mut Opened) -> Result<Signal, Error> {
    loop {
        let signal = timeout(SOON, poll_fn(|cx| opened.watch.poll_next(cx))).await;
        match signal.expect("a signal within 5 s") {
            Ok(Signal::Arriving) => {}
            signal => return signal,
        }
    }
}

async fn next_revision(opened: &mut Opened) -> u64 {
    match next(opened).await.unwrap() {
        Signal::Batch(batch) => batch.revision,
        other => panic!("{other:?} is no batch"),
    }
}

#[test]
fn fifty_configurations_are_one_stream_and_are_resumed_as_few() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let proxy = Proxy::to(&server.address());
        let client = Client::new([proxy.endpoint()]).expect("a client");
        let mut lives: Vec<Live<Flat>> = thread::scope(|scope| {
            let start = |_| scope.spawn(|| Flat::options().watch(&client).expect("a first snapshot"));
            let starts: Vec<_> = (0..50).map(start).collect();
            starts.into_iter().map(|live| live.join().expect("no panic")).collect()
        });
        let witnesses: Vec<_> = lives.iter().map(Witness::watching).collect();
        settles(&server, (1.0, 50.0));
        history.put("a", "2");
        for witness in &witnesses {
            witness.converges(&history, SOON);
        }
        proxy.cut();
        for witness in &witnesses {
            witness.notices_a_loss(SOON);
        }
        history.put("a", "3");
        for witness in &witnesses {
            witness.converges(&history, SOON);
            witness.watches(SOON);
        }
        let (streams, watches) = streams(&server);
        assert!(streams < 3.5 && (watches - 50.0).abs() < 0.5, "{streams} streams with {watches} watches");
        drop(witnesses);
        lives.truncate(1);
        settles(&server, (1.0, 1.0));
        drop(lives);
        settles(&server, (0.0, 0.0));
    });
}

/// So many with one client, each with its prefix, and a proxy on their way.
fn many(server: &Server, count: usize) -> (Proxy, Vec<Live<Flat>>) {
    let proxy = Proxy::to(&server.address());
    let client = Client::new([proxy.endpoint()]).expect("a client");
    let start = |number| Flat::options().prefix(format!("/many/{number}")).watch(&client);
    let lives: Vec<_> = (0..count).map(|number| start(number).expect("a first snapshot")).collect();
    all_watch(&lives, 0);
    (proxy, lives)
}

#[track_caller]
fn all_watch(lives: &[Live<Flat>], losses: u64) {
    let start = Instant::now();
    let watches =
        |live: &Live<Flat>| live.status().state.is_watching() && live.status().counters.losses >= losses;
    while let Some(live) = lives.iter().find(|live| !watches(live)) {
        assert!(start.elapsed() < SOON * 2, "{}", live.status());
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn hundreds_that_lose_their_stream_come_back_over_two_connections() {
    let server = Server::builder().start();
    let (proxy, lives) = many(&server, 400);
    let before = proxy.connections();
    proxy.cut();
    all_watch(&lives, 1);
    let connections = proxy.connections() - before;
    assert!(connections <= 2, "{connections} connections for {} configurations", lives.len());
}

#[test]
fn of_hundreds_that_wait_for_a_server_few_look_for_it() {
    let server = Server::builder().start();
    let (proxy, lives) = many(&server, 200);
    let before = proxy.connections();
    proxy.turn_away(true);
    proxy.cut();
    thread::sleep(SOON);
    let connections = proxy.connections() - before;
    proxy.accept();
    all_watch(&lives, 1);
    assert!((10..150).contains(&connections), "{connections} connections in {SOON:?}");
}

#[test]
fn configurations_over_the_same_text_share_a_stream_on_each_runtime_and_keep_nothing() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let (endpoint, written_otherwise) = (server.endpoint(), server.address());
        let runtime = || {
            let builder = &mut tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(1).enable_all().build().expect("a runtime")
        };
        let on = |runtime: &tokio::runtime::Runtime| {
            runtime.block_on(Flat::watch_async(&endpoint)).expect("a first snapshot")
        };
        let (first, second) = (runtime(), runtime());
        // The client is one of a runtime that ends.
        let ends = vec![on(&first), on(&first)];
        settles(&server, (1.0, 2.0));
        let mut stay = vec![
            Flat::watch(&endpoint).expect("a first snapshot"),
            Flat::watch([endpoint.clone()]).expect("a first snapshot"),
            Flat::watch(format!(" {endpoint} ")).expect("a first snapshot"),
        ];
        settles(&server, (2.0, 5.0));
        stay.push(Flat::watch(written_otherwise).expect("a first snapshot"));
        settles(&server, (3.0, 6.0));
        drop(first);
        settles(&server, (2.0, 4.0));
        stay.extend([on(&second), on(&second)]);
        drop(ends);
        stay.push(Flat::watch(&endpoint).expect("a first snapshot"));
        settles(&server, (3.0, 7.0));
        let witnesses: Vec<_> = stay.iter().map(Witness::watching).collect();
        history.put("a", "2");
        for witness in &witnesses {
            witness.converges(&history, SOON);
        }
        assert!(stay.iter().all(|live| live.status().counters.losses == 0), "on {etcd}");
        drop((witnesses, stay));
        settles(&server, (0.0, 0.0));
        Flat::load_once(&endpoint).expect("nothing is left of the clients before");
    });
}

#[test]
fn one_that_asks_rarely_keeps_no_other_of_its_stream_from_asking() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let watch = |interval| {
            let options =
                Flat::options().progress_interval(Duration::from_secs(interval)).audit_interval(None);
            options.watch(server.endpoint()).expect("a first snapshot")
        };
        let lives = [watch(60), watch(1), watch(30), watch(1)];
        settles(&server, (1.0, 4.0));
        for _ in 0..8 {
            thread::sleep(Duration::from_millis(500));
            for live in [&lives[1], &lives[3]] {
                let status = live.status();
                assert!(
                    status.age < Duration::from_secs(2) && status.counters.losses == 0,
                    "{status} on {etcd}"
                );
            }
        }
    });
}

#[test]
fn one_of_many_asks_for_all_and_another_one_when_that_has_gone() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let client = Client::new([server.endpoint()]).expect("a client");
        let options = || Flat::options().progress_interval(Duration::from_secs(1)).audit_interval(None);
        let mut lives: Vec<Live<Flat>> =
            (0..20).map(|_| options().watch(&client).expect("a first snapshot")).collect();
        let requests = || server.metric("grpc_server_msg_received_total{grpc_method=\"Watch\"");
        for left in [20_u16, 3, 1] {
            // The first to go is the one that has asked until now.
            lives.drain(..lives.len() - usize::from(left));
            settles(&server, (1.0, f64::from(left)));
            thread::sleep(Duration::from_millis(1_300));
            let before = requests();
            thread::sleep(Duration::from_secs(4));
            let asked = requests() - before;
            assert!((2.0..8.0).contains(&asked), "{asked} requests in 4 s for {left} on {etcd}");
            for live in &lives {
                let status = live.status();
                assert!(status.age < Duration::from_secs(2) && status.counters.losses == 0, "{status}");
            }
        }
    });
}

#[test]
fn one_that_is_not_read_ends_alone_and_the_others_are_current_all_the_time() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        block_on(async {
            let client = Client::new([server.endpoint()]).unwrap();
            let mut slow = Store::watch(&client, &Prefix::new("/slow"), None).await.unwrap();
            let mut other = Store::watch(&client, &Prefix::new("/other"), None).await.unwrap();
            for n in 0..24 {
                client.put("/slow/a", vec![b'x'; 1 << 20]).await.unwrap();
                let written = client.put("/other/a", n.to_string()).await.unwrap().header.revision;
                assert_eq!(next_revision(&mut other).await, written);
            }
            let mut read = 0;
            let error = loop {
                match next(&mut slow).await {
                    Ok(Signal::Batch(_)) => read += 1,
                    Ok(other) => panic!("{other:?}"),
                    Err(error) => break error,
                }
            };
            assert_eq!((error.kind(), read), (Kind::Unavailable, 15), "{error}");
            drop(slow);
            settles(&server, (1.0, 1.0));
            client.put("/other/a", "last").await.unwrap();
            next_revision(&mut other).await;
        });
    });
}

#[test]
fn one_whose_start_is_compacted_silences_no_other() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        block_on(async {
            let client = Client::new([server.endpoint()]).unwrap();
            let start = client.put("/p/a", "1").await.unwrap().header.revision;
            for _ in 0..5 {
                client.put("/p/a", "2").await.unwrap();
            }
            let mut healthy = Store::watch(&client, &Prefix::new("/p"), None).await.unwrap();
            client.compact(start + 4).await.unwrap();
            let mut compacted = Store::watch(&client, &Prefix::new("/p"), Some(start)).await.unwrap();
            assert_eq!(next(&mut compacted).await.unwrap_err().kind(), Kind::Compacted);
            // It is still held by its reader.
            let early = etcd.version().is_early();
            for _ in 0..3 {
                healthy.watch.request_progress();
                let expected = if early { Signal::Alive } else { Signal::Progress(start + 5) };
                assert_eq!(next(&mut healthy).await.unwrap(), expected);
            }
            drop(compacted);
            settles(&server, (1.0, 1.0));
        });
    });
}

#[test]
fn one_that_is_forbidden_is_refused_alone_each_time() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        server.enable_auth("of-root");
        server.add_user("app", "secret", "/app/");
        block_on(async {
            let client =
                Client::builder().endpoints([server.endpoint()]).user("app", "secret").build().unwrap();
            let app = Prefix::new("/app");
            let mut first = Store::watch(&client, &app, None).await.unwrap();
            let mut opened = Vec::new();
            for _ in 0..3 {
                let forbidden = Prefix::new("/secret");
                let (error, one, two) = tokio::join!(
                    Store::watch(&client, &forbidden, None),
                    Store::watch(&client, &app, None),
                    Store::watch(&client, &app, None),
                );
                assert_eq!(error.unwrap_err().kind(), Kind::PermissionDenied);
                opened.extend([one.unwrap(), two.unwrap()]);
            }
            // Each refusal renews the token, and the stream goes on with the one that it was opened with.
            settles(&server, (1.0, 7.0));
            let written = client.put("/app/a", "1").await.unwrap().header.revision;
            for opened in opened.iter_mut().chain([&mut first]) {
                assert_eq!(next_revision(opened).await, written);
            }
        });
    });
}

#[test]
fn what_is_replayed_on_a_stream_of_others_is_current_on_a_store_where_nothing_is_written() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        block_on(async {
            let client = Client::new([server.endpoint()]).unwrap();
            let start = client.put("/p/a", "1").await.unwrap().header.revision;
            let mut at_head = Store::watch(&client, &Prefix::new("/p"), None).await.unwrap();
            let head = client.put("/p/a", "2").await.unwrap().header.revision;
            assert_eq!(next_revision(&mut at_head).await, head);
            let mut replays = Store::watch(&client, &Prefix::new("/p"), Some(start)).await.unwrap();
            let mut elsewhere = Store::watch(&client, &Prefix::new("/q"), Some(start)).await.unwrap();
            assert_eq!(next_revision(&mut replays).await, head);
            settles(&server, (1.0, 3.0));
            let expected = if etcd.version().is_early() { Signal::Alive } else { Signal::Progress(head) };
            at_head.watch.request_progress();
            for opened in [&mut at_head, &mut replays, &mut elsewhere] {
                assert_eq!(next(opened).await.unwrap(), expected);
            }
        });
    });
}

#[test]
fn one_that_is_given_up_when_it_was_just_confirmed_is_ended() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        block_on(async {
            let client = Client::new([server.endpoint()]).unwrap();
            let first = Store::watch(&client, &Prefix::new("/p"), None).await.unwrap();
            let mut second = Store::watch(&client, &Prefix::new("/q"), None);
            let begins = poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx).is_pending()));
            assert!(begins.await);
            // It is confirmed, and nobody has looked yet.
            while streams(&server) != (1.0, 2.0) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            drop(second);
            let start = Instant::now();
            while streams(&server) != (1.0, 1.0) {
                assert!(start.elapsed() < SOON, "{:?} on {etcd}", streams(&server));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            drop(first);
        });
    });
}

/// It uses numbers of its own for the watches of a stream, and confirms them in any order.
#[test]
fn behind_etcds_proxy_each_watch_has_a_stream_of_its_own() {
    let server = Server::builder().start();
    let proxy = GrpcProxy::before(&server);
    block_on(async {
        let client = Client::new([proxy.endpoint()]).unwrap();
        let prefixes: Vec<Prefix> = (0..12).map(|n| Prefix::new(&format!("/p{n}"))).collect();
        // All at the same time.
        let starting = prefixes.iter().map(|prefix| tokio::spawn(Store::watch(&client, prefix, None)));
        let starting: Vec<_> = starting.collect();
        let mut opened = Vec::new();
        for watch in starting {
            opened.push(watch.await.expect("no panic").expect("it begins"));
        }
        for n in 0..prefixes.len() {
            client.put(format!("/p{n}/a"), "1").await.unwrap();
        }
        for opened in &mut opened {
            assert!(matches!(next(opened).await, Ok(Signal::Batch(_))));
        }
    });
}

#[test]
fn more_than_a_thousand_have_a_second_stream() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        block_on(async {
            let client = Client::new([server.endpoint()]).unwrap();
            let start = |n| tokio::spawn(Store::watch(&client, &Prefix::new(&format!("/p{n}")), None));
            let starting: Vec<_> = (0..1_005).map(start).collect();
            let mut opened = Vec::new();
            for watch in starting {
                opened.push(watch.await.expect("no panic").expect("it begins"));
            }
            settles(&server, (2.0, 1_005.0));
            for n in [0, 999, 1_000, 1_004] {
                let written = client.put(format!("/p{n}/a"), "1").await.unwrap().header.revision;
                assert_eq!(next_revision(&mut opened[n]).await, written);
            }
        });
    });
}

#[test]
fn one_that_has_much_to_replay_is_no_neighbour_of_those_in_step_before_it_has_caught_up() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        block_on(async {
            let client = Client::new([server.endpoint()]).unwrap();
            let start = client.put("/p/a", "1").await.unwrap().header.revision;
            let mut head = start;
            for n in 0..1_100 {
                head = client.put("/p/a", n.to_string()).await.unwrap().header.revision;
            }
            let at_head = Store::watch(&client, &Prefix::new("/p"), None).await.unwrap();
            let mut behind = Store::watch(&client, &Prefix::new("/p"), Some(start)).await.unwrap();
            settles(&server, (2.0, 2.0));
            for revision in start + 1..=head {
                assert_eq!(next_revision(&mut behind).await, revision);
            }
            behind.watch.request_progress();
            let expected = if etcd.version().is_early() { Signal::Alive } else { Signal::Progress(head) };
            assert_eq!(next(&mut behind).await.unwrap(), expected);
            // Both are in step now, and either takes a further watch.
            let further = Store::watch(&client, &Prefix::new("/q"), None).await.unwrap();
            settles(&server, (2.0, 3.0));
            drop((at_head, further));
        });
    });
}
