//! A prefix of several directories: what one revision changes in them is seen whole or not at all, at exactly that
//! revision.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use etcd_client_core::watcher::{Counters, Event, Options, Watcher};
use etcd_client_core::{
    Change, Committed, GuardedWrites, HistoryMark, Kind, Known, Listing, Prefix, Store, Write, v2, v3,
};
use etcd_config_tests::{Chunks, Cluster, GrpcProxy, Proxy, Server, block_on, on_each_line, over_v2, soon};
use tokio::runtime::{Builder, Runtime};

const BASE: &str = "/layers";
const OVER: &str = "/layers@eu-1";
/// Where nothing is ever written.
const EMPTY: &str = "/layers@web-1";

fn prefix() -> Prefix {
    let and = |prefix: Prefix, path: &str| prefix.and(&Prefix::new(path)).expect("beside each other");
    [OVER, EMPTY].into_iter().fold(Prefix::new(BASE), and)
}

/// Keys with their values.
type State = BTreeMap<String, String>;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn state(listing: &Listing) -> State {
    listing.entries.iter().map(|entry| (text(&entry.key), text(&entry.value))).collect()
}

/// The states of the store by their revisions, as its only writer knows them.
#[derive(Default)]
struct Written {
    states: BTreeMap<u64, State>,
    now: State,
}

/// The one writer of both directories. Each write is of both, or of one of them.
struct Writer {
    runtime: Runtime,
    client: v3::Client,
    written: Arc<Mutex<Written>>,
    /// What is written beside in one directory, so that the halves of a revision arrive apart.
    filling: String,
}

impl Writer {
    fn at(endpoints: Vec<String>, filling: usize) -> Self {
        let client = v3::Client::builder().endpoints(endpoints).timeout(Duration::from_secs(3));
        let client = client.build().expect("a client");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime, client, written: Arc::default(), filling: "x".repeat(filling) }
    }

    fn write(&self, number: usize) -> u64 {
        self.runtime.block_on(self.send(number))
    }

    async fn send(&self, number: usize) -> u64 {
        let value = number.to_string();
        let mut changes = Vec::new();
        if number % 4 != 1 {
            changes.push((format!("{BASE}/a"), Some(value.clone())));
            changes.push((
                format!("{BASE}/n{}", number % 7),
                (!number.is_multiple_of(3)).then(|| value.clone()),
            ));
        }
        if number % 4 != 2 {
            changes.push((format!("{OVER}/a"), Some(format!("{value}{}", self.filling))));
            changes.push((format!("{OVER}/n{}", number % 5), (!number.is_multiple_of(3)).then_some(value)));
        }
        let mut txn = self.client.txn();
        for (key, value) in &changes {
            txn = match value {
                Some(value) => txn.then(self.client.put(key.as_str(), value.as_str())),
                None => txn.then(self.client.delete(key.as_str())),
            };
        }
        match txn.await {
            Ok(answer) => {
                let mut written = self.written.lock().expect("not poisoned");
                for (key, value) in changes {
                    match value {
                        Some(value) => drop(written.now.insert(key, value)),
                        None => drop(written.now.remove(&key)),
                    }
                }
                written.note(answer.header.revision);
                answer.header.revision
            }
            Err(error) => self.look(&error).await,
        }
    }

    /// Whether it was written is to be seen in the store, once it answers.
    async fn look(&self, error: &etcd_client_core::Error) -> u64 {
        let begin = Instant::now();
        loop {
            // A write on its way is carried out before this, or not at all.
            if let Ok(barrier) = self.client.put("/barrier", "").await
                && let Ok(listing) = self.client.list(&prefix()).await
            {
                let mut written = self.written.lock().expect("not poisoned");
                written.now = state(&listing);
                let newest = listing.entries.iter().map(|entry| entry.revision).max().unwrap_or_default();
                let last = written.last();
                written.note(newest.max(last));
                written.note(barrier.header.revision);
                return barrier.header.revision;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "{error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Written {
    fn note(&mut self, revision: u64) {
        self.states.insert(revision, self.now.clone());
    }

    fn last(&self) -> u64 {
        self.states.last_key_value().map_or(0, |(revision, _)| *revision)
    }

    /// What the directories held at a revision.
    fn at(&self, revision: u64) -> Option<&State> {
        self.states.range(..=revision).next_back().map(|(_, state)| state)
    }
}

/// Follows all directories on a thread of its own, and keeps what it has held at each revision.
struct Reader {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    states: Vec<(u64, State)>,
    counters: Counters,
    failures: Vec<String>,
}

impl Reader {
    fn of(store: impl Fn() -> Arc<dyn Store> + Send + 'static, options: Options) -> Self {
        let (seen, stop) = (Arc::<Mutex<Seen>>::default(), Arc::<AtomicBool>::default());
        let (kept, ended) = (Arc::clone(&seen), Arc::clone(&stop));
        let follow = async move || {
            let mut watcher = Watcher::new(store(), prefix(), options);
            let mut state = State::new();
            while !ended.load(Ordering::Relaxed) {
                let next = tokio::time::timeout(Duration::from_millis(50), watcher.next()).await;
                let mut seen = kept.lock().expect("not poisoned");
                seen.counters = watcher.counters();
                match next {
                    Ok(Event::Listed(listing)) => {
                        state = self::state(&listing);
                        seen.states.push((listing.revision, state.clone()));
                    }
                    Ok(Event::Changed { batch, .. }) => {
                        for change in batch.changes {
                            match change {
                                Change::Put(entry) => {
                                    drop(state.insert(text(&entry.key), text(&entry.value)));
                                }
                                Change::Delete(key) => drop(state.remove(&text(&key))),
                                Change::DeleteBelow(_) => panic!("a directory in a report"),
                            }
                        }
                        seen.states.push((batch.revision, state.clone()));
                    }
                    Ok(Event::Current { revision }) => seen.states.push((revision, state.clone())),
                    Ok(Event::State(state)) => {
                        seen.failures.extend(state.error().map(ToString::to_string));
                    }
                    _ => {}
                }
            }
        };
        let thread = thread::spawn(move || block_on(follow()));
        Self { seen, stop, thread }
    }

    fn of_v3(endpoints: Vec<String>) -> Self {
        let client = move || v3::Client::new(endpoints.clone()).expect("a client");
        Self::of(move || Arc::new(client()), Options::default())
    }

    fn waits_for(&self, what: &str, limit: Duration, is_met: impl Fn(&Seen) -> bool) {
        let begin = Instant::now();
        while !is_met(&self.seen.lock().expect("not poisoned")) {
            let seen = self.seen.lock().expect("not poisoned");
            let at = seen.states.last().map(|(revision, _)| revision);
            assert!(begin.elapsed() < limit, "not {what}, but at {at:?}: {:?}", seen.failures.last());
            drop(seen);
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn comes_to(&self, revision: u64, limit: Duration) {
        let is_there = |seen: &Seen| seen.states.last().is_some_and(|(at, _)| *at >= revision);
        self.waits_for(&format!("at revision {revision}"), limit, is_there);
    }

    /// Each state that was held must be what the writer has left at that revision.
    fn held_only_what_was_written(self, written: &Mutex<Written>) -> Counters {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("no panic");
        let (seen, written) =
            (self.seen.lock().expect("not poisoned"), written.lock().expect("not poisoned"));
        let mut before = 0;
        for (revision, state) in &seen.states {
            assert!(*revision >= before, "from {before} back to {revision}");
            before = *revision;
            let expected = written.at(*revision).expect("a state of before");
            assert!(state == expected, "at {revision}: {}", difference(state, expected));
        }
        let last = seen.states.last().map(|(_, state)| state);
        assert!(last == Some(&written.now), "it has not come to the end");
        seen.counters
    }
}

fn difference(held: &State, expected: &State) -> String {
    let short =
        |state: &State, key: &String| state.get(key).map(|value| value.chars().take(12).collect::<String>());
    let keys = held.keys().chain(expected.keys());
    let differs = keys.filter(|key| held.get(*key) != expected.get(*key));
    let each =
        differs.map(|key| format!("{key} is {:?} and was {:?}", short(held, key), short(expected, key)));
    each.collect::<Vec<_>>().join("; ")
}

/// Writes so often, and does something else again and again meanwhile. The last revision.
fn while_writing(writer: &Writer, count: usize, mut meanwhile: impl FnMut(usize)) -> u64 {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut last = 0;
            for number in 1..=count {
                last = writer.write(number);
                pause(5);
            }
            done.store(true, Ordering::Relaxed);
            last
        });
        for round in 0.. {
            if done.load(Ordering::Relaxed) || writing.is_finished() {
                break;
            }
            meanwhile(round);
        }
        writing.join().expect("no panic")
    })
}

fn pause(millis: u64) {
    thread::sleep(Duration::from_millis(millis));
}

#[test]
fn halves_are_never_seen_and_a_change_of_one_directory_is_not_held_up() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let writer = Writer::at(vec![server.endpoint()], 0);
        writer.write(0);
        let reader = Reader::of_v3(vec![server.endpoint()]);
        reader.comes_to(1, Duration::from_secs(10));
        pause(300); // so that it watches
        let mut slowest = Duration::ZERO;
        for number in 1..=60 {
            let begin = Instant::now();
            let revision = writer.write(number);
            reader.comes_to(revision, Duration::from_secs(5));
            slowest = slowest.max(begin.elapsed());
            // Servers that prove nothing are read again, and not without a pause.
            pause(if etcd.version().is_early() { 300 } else { 5 });
        }
        assert!(slowest < Duration::from_secs(3), "{slowest:?}");
        let counters = reader.held_only_what_was_written(&writer.written);
        assert_eq!(counters.losses, 0);
        if !etcd.version().is_early() {
            assert_eq!((counters.lists, counters.resumes), (1, 0), "nothing but the streams was needed");
        }
    });
}

#[test]
fn halves_are_never_seen_through_cuts_and_compactions() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let writer = Writer::at(vec![server.endpoint()], 0);
        writer.write(0);
        let proxy = Proxy::to(&server.address());
        let reader = Reader::of_v3(vec![proxy.endpoint()]);
        reader.comes_to(1, Duration::from_secs(10));
        let last = while_writing(&writer, 600, |round| {
            match round % 5 {
                0 | 2 => proxy.cut(),
                3 => proxy.end_watches(),
                4 => {
                    let head = writer.written.lock().expect("not poisoned").last();
                    server.try_etcdctl(["compact", &head.to_string()], "").expect("compacted");
                }
                _ => {}
            }
            pause(60 + 37 * (round as u64 % 7));
        });
        // Who has to list again and again is slowed down to 30 s.
        reader.comes_to(last, Duration::from_secs(60));
        let counters = reader.held_only_what_was_written(&writer.written);
        // On early servers the streams prove nothing, so they are left after each change, and may never be there to be cut.
        assert!(counters.losses > 0 || etcd.version().is_early(), "{counters:?}");
        assert!(proxy.connections() > 5, "connections were made anew: {}", proxy.connections());
    });
}

/// One half of each revision is small and the other one large, on a link on which it takes some time.
#[test]
fn halves_that_arrive_apart_are_put_together() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let writer = Writer::at(vec![server.endpoint()], 60_000);
        writer.write(0);
        let proxy = Proxy::to(&server.address());
        let reader = Reader::of_v3(vec![proxy.endpoint()]);
        reader.comes_to(1, Duration::from_secs(10));
        proxy.pass_on(Chunks::Paced(64 << 10, Duration::from_millis(20)));
        let last = while_writing(&writer, 200, |_| pause(10));
        reader.comes_to(last, Duration::from_secs(60));
        reader.held_only_what_was_written(&writer.written);
    });
}

#[test]
fn halves_are_never_seen_through_etcds_grpc_proxy() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let writer = Writer::at(vec![server.endpoint()], 0);
        writer.write(0);
        let proxy = GrpcProxy::before(&server);
        let reader = Reader::of_v3(vec![proxy.endpoint()]);
        reader.comes_to(1, Duration::from_secs(10));
        pause(300);
        for number in 1..=20 {
            let revision = writer.write(number);
            reader.comes_to(revision, Duration::from_secs(3));
            pause(100);
        }
        reader.held_only_what_was_written(&writer.written);
    });
}

#[test]
fn halves_are_never_seen_through_failovers_and_members_that_lag() {
    on_each_line(|etcd| {
        let cluster = Server::builder().etcd(etcd).peer_proxies().start_cluster();
        let writer = Writer::at(cluster.endpoints(), 0);
        writer.write(0);
        let reader = Reader::of_v3(cluster.endpoints());
        reader.comes_to(1, Duration::from_secs(10));
        let last = while_writing(&writer, 700, |round| disturb(&cluster, round));
        cluster.reunite();
        cluster.wait_until_healthy();
        reader.comes_to(last, Duration::from_secs(60));
        reader.held_only_what_was_written(&writer.written);
    });
}

/// One member after the other lags, stands still, or is killed.
fn disturb(cluster: &Cluster, round: usize) {
    let place = round % 3;
    match round % 4 {
        0 => {
            cluster.isolate(place);
            pause(1_500);
            cluster.reunite();
        }
        1 => {
            cluster.member(place).pause();
            pause(1_500);
            cluster.member(place).resume();
        }
        2 => {
            let leader = cluster.leader();
            cluster.member(leader).kill();
            pause(1_500);
            cluster.member(leader).restart();
        }
        _ => {}
    }
    pause(500);
}

#[test]
fn many_keys_are_listed_at_one_revision_while_they_are_written() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let writer = Writer::at(vec![server.endpoint()], 0);
        writer.runtime.block_on(async {
            for part in 0..24 {
                let mut txn = writer.client.txn();
                for number in 0..120 {
                    let directory = if number % 2 == 0 { BASE } else { OVER };
                    let key = format!("{directory}/many/{part:02}-{number:03}");
                    txn = txn.then(writer.client.put(key.as_str(), "1"));
                    writer.written.lock().expect("not poisoned").now.insert(key, "1".to_owned());
                }
                let revision = txn.await.expect("written").header.revision;
                writer.written.lock().expect("not poisoned").note(revision);
            }
        });
        let mut listings = Vec::new();
        while_writing(&writer, 150, |_| {
            let client = v3::Client::new([server.endpoint()]).expect("a client");
            listings.push(block_on(client.list(&prefix())).expect("a listing"));
        });
        assert!(listings.len() > 3);
        let written = writer.written.lock().expect("not poisoned");
        for listing in &listings {
            assert!(listing.entries.is_sorted_by(|one, other| one.key < other.key));
            let expected = written.at(listing.revision).expect("written");
            assert!(state(listing) == *expected, "{}", difference(&state(listing), expected));
        }
        let past = listings.first().expect("there are some");
        let again =
            writer.runtime.block_on(writer.client.list_at(&prefix(), past.revision)).expect("a listing");
        assert_eq!(again.entries.len(), past.entries.len());
        assert!(again == *past, "the past has changed");
    });
}

#[test]
fn what_the_store_says_is_of_all_directories_at_one_revision() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        block_on(async {
            let client = v3::Client::new([server.endpoint()]).expect("a client");
            let prefix = prefix();
            for key in [format!("{BASE}/a"), format!("{OVER}/a"), format!("{OVER}/b"), format!("{BASE}-2/a")]
            {
                client.put(key, "0").await.expect("written");
            }
            let listing = client.list(&prefix).await.expect("a listing");
            let Listing { revision, cluster, .. } = listing;
            let known = Known { revision, cluster, count: 3 };
            assert_eq!(client.unchanged(&prefix, known).await.expect("known"), Some(revision));
            let mark = HistoryMark { revision, count: 3, newest: vec![listing.entries[2].clone()] };
            let beside = client.put(format!("{BASE}-2/a"), "1").await.expect("written").header.revision;
            assert_eq!(client.unchanged(&prefix, known).await.expect("known"), Some(beside));
            assert!(client.has_history(&prefix, mark.clone()).await.expect("known"));
            client.put(format!("{OVER}/a"), "1").await.expect("written");
            assert_eq!(client.unchanged(&prefix, known).await.expect("known"), None);
            assert!(client.has_history(&prefix, mark.clone()).await.expect("known"), "it is of before");
            let other = HistoryMark { count: 2, ..mark.clone() };
            assert!(!client.has_history(&prefix, other).await.expect("known"));
            let future = HistoryMark { revision: revision + 1_000, ..mark };
            assert!(!client.has_history(&prefix, future).await.expect("known"));
            let delta = client.written_since(&prefix, revision + 1).await.expect("known");
            assert_eq!((delta.count, delta.revision), (3, beside + 1));
            assert_eq!(
                delta.entries.iter().map(|entry| text(&entry.key)).collect::<Vec<_>>(),
                [format!("{OVER}/a")]
            );

            // Writes are guarded by all of them.
            let new = |key: String| Write { key: key.into(), value: Some("1".into()), read_at: None };
            let stale = GuardedWrites::after(&prefix, &listing, vec![new(format!("{BASE}/new"))]);
            assert_eq!(client.commit(stale).await.expect("decided"), Committed::Conflict);
            let listing = client.list(&prefix).await.expect("a listing");
            let many = |count| (0..count).map(|number| new(format!("{BASE}/many{number}"))).collect();
            let error = client.commit(GuardedWrites::after(&prefix, &listing, many(126))).await.unwrap_err();
            assert_eq!(error.kind(), Kind::InvalidRequest, "{error}");
            let writes = GuardedWrites::after(&prefix, &listing, many(125));
            let written = client.commit(writes).await.expect("decided");
            assert!(matches!(written, Committed::At { proven: true, .. }), "{written:?}");
            let error = client.list_at(&prefix, 0).await.unwrap_err();
            assert_eq!(error.kind(), Kind::InvalidInput, "{error}");
        });
    });
}

#[test]
fn a_directory_that_may_not_be_read_is_named_with_what_to_grant() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        server.enable_auth("of-root");
        server.add_user("app", "secret", &format!("{BASE}/"));
        server.etcdctl(["role", "grant-permission", "--prefix=true", "app", "read", &format!("{EMPTY}/")]);
        let client = || {
            let client = v3::Client::builder().endpoints([server.endpoint()]).user("app", "secret");
            client.build().expect("a client")
        };
        block_on(async {
            let words = "for /layers@eu-1: grant the user a role that may read all of /layers@eu-1/";
            let client = client();
            let error = client.list(&prefix()).await.unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.to_string().contains("user \"app\""), "{error}");
            assert_eq!(error.kind(), Kind::PermissionDenied);
            let error = Store::watch(&client, &prefix(), None).await.map(drop).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            server.etcdctl(["role", "grant-permission", "--prefix=true", "app", "read", &format!("{OVER}/")]);
            soon(client.list(&prefix())).await.expect("a listing");
        });
    });
}

/// Over v2 there are no transactions: a snapshot is of one event after the other.
#[test]
fn over_v2_all_directories_are_followed_one_event_after_the_other() {
    over_v2(|stage| {
        let server = stage.server().start();
        let endpoint = server.endpoint();
        let client = || v2::Client::new([server.endpoint()]).expect("a client");
        let put = |key: String, value: &str| {
            let response = block_on(async { client().set(key, value).await }).expect("written");
            response.node().expect("a node").modified_index
        };
        let mut written = Written::default();
        let mut set = |directory: &str, name: &str, value: &str| {
            let key = format!("{directory}/{name}");
            let index = put(key.clone(), value);
            written.now.insert(key, value.to_owned());
            written.note(index);
            index
        };
        set(BASE, "a", "0");
        let reader = Reader::of(
            move || Arc::new(v2::Client::new([endpoint.clone()]).expect("a client")),
            Options::default(),
        );
        reader.comes_to(1, Duration::from_secs(10));
        pause(300);
        for number in 1..=10 {
            for directory in [BASE, OVER] {
                let index = set(directory, "a", &number.to_string());
                reader.comes_to(index, Duration::from_secs(5));
                pause(200);
            }
        }
        // Faster than it is read.
        let mut last = 0;
        for number in 11..=40 {
            last = set(OVER, &format!("n{}", number % 3), &number.to_string());
            set(BASE, "a", &number.to_string());
        }
        reader.comes_to(last + 1, Duration::from_secs(10));
        reader.held_only_what_was_written(&Mutex::new(written));
        let same = Prefix::new("app").and(&Prefix::new("/app")).expect("two over v3");
        let error = block_on(async { client().list(&same).await }).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidRequest, "{error}");
    });
}
