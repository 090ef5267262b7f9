//! Writes that are made only if what they were decided on still holds, over v3, v2 and memory.

use std::sync::Arc;

use etcd_client_core::{
    Committed, Entry, Error, GuardedWrites, Kind, Listing, MemoryStore, Prefix, Store, Write,
};
use etcd_client_core::{v2, v3};
use etcd_config_tests::{Proxy, Server, block_on, servers, soon};

/// A store, and somebody else who writes to it.
struct Pair {
    name: String,
    store: Arc<dyn Store>,
    other: Other,
}

enum Other {
    Memory(MemoryStore),
    V3(v3::Client),
}

impl Pair {
    async fn put(&self, key: &str, value: &str) -> u64 {
        match &self.other {
            Other::Memory(memory) => memory.put(key, value),
            Other::V3(client) => client.put(key, value).await.unwrap().header.revision,
        }
    }

    async fn delete(&self, key: &str) -> u64 {
        match &self.other {
            Other::Memory(memory) => memory.delete(key),
            Other::V3(client) => client.delete(key).await.unwrap().header.revision,
        }
    }

    async fn list(&self) -> Listing {
        self.store.list(&app()).await.unwrap()
    }

    /// Writes what was decided on this listing.
    async fn commit(&self, listing: &Listing, writes: Vec<Write>) -> Committed {
        self.store.commit(GuardedWrites::after(&app(), listing, writes)).await.unwrap()
    }
}

/// On memory and each line of etcd: what is promised does not depend on which.
fn on_each(test: impl AsyncFn(Pair)) {
    let memory = MemoryStore::new();
    let store = Arc::new(memory.clone());
    block_on(test(Pair { name: "memory".into(), store, other: Other::Memory(memory) }));
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        let client = || v3::Client::new([server.endpoint()]).unwrap();
        let name = format!("v3 of {}", etcd.version());
        block_on(async { test(Pair { name, store: Arc::new(client()), other: Other::V3(client()) }).await });
    }
}

fn app() -> Prefix {
    Prefix::new("/app")
}

fn read_at(listing: &Listing, key: &str) -> Option<u64> {
    listing.entries.iter().find(|entry| entry.key == key).map(|entry| entry.revision)
}

fn put(listing: &Listing, key: &'static str, value: &'static str) -> Write {
    Write { key: key.into(), value: Some(value.into()), read_at: read_at(listing, key) }
}

fn delete(listing: &Listing, key: &'static str) -> Write {
    Write { key: key.into(), value: None, read_at: read_at(listing, key) }
}

fn pairs(listing: &Listing) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    listing.entries.iter().map(|Entry { key, value, .. }| (text(key), text(value))).collect()
}

fn expected(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn all_writes_are_of_one_revision_and_proven() {
    on_each(async |pair| {
        pair.put("/app/a", "1").await;
        pair.put("/app/b", "2").await;
        pair.put("/apple", "not ours").await;
        let before = pair.list().await;
        let writes =
            vec![put(&before, "/app/a", "3"), delete(&before, "/app/b"), put(&before, "/app/c", "4")];
        let head = pair.put("/elsewhere", "x").await;
        let committed = pair.commit(&before, writes).await;
        assert_eq!(committed, Committed::At { revision: head + 1, proven: true }, "{}", pair.name);
        let after = pair.list().await;
        assert_eq!(pairs(&after), expected(&[("/app/a", "3"), ("/app/c", "4")]), "{}", pair.name);
        assert!(after.entries.iter().all(|entry| entry.revision == head + 1), "{}", pair.name);
    });
}

#[test]
fn nothing_is_written_if_anything_below_the_prefix_was_written_or_deleted_since() {
    on_each(async |pair| {
        pair.put("/app/a", "1").await;
        pair.put("/app/b", "2").await;
        for elsewhere in ["/app/a", "/app/b", "/app/new", "/app/b/below"] {
            let before = pair.list().await;
            pair.put(elsewhere, "of another").await;
            let now = pair.list().await;
            let committed = pair.commit(&before, vec![put(&before, "/app/a", "ours")]).await;
            assert_eq!(committed, Committed::Conflict, "{}: {elsewhere}", pair.name);
            assert_eq!(pair.list().await, now, "{}: {elsewhere}", pair.name);
        }
        let before = pair.list().await;
        pair.delete("/app/b").await;
        let committed = pair.commit(&before, vec![put(&before, "/app/a", "ours")]).await;
        assert_eq!(committed, Committed::Conflict, "{}", pair.name);
        // Deleted and written again is written.
        let before = pair.list().await;
        pair.delete("/app/a").await;
        pair.put("/app/a", "of another").await;
        let committed = pair.commit(&before, vec![put(&before, "/app/new", "ours")]).await;
        assert_eq!(committed, Committed::Conflict, "{}", pair.name);
    });
}

#[test]
fn the_first_write_below_an_empty_prefix_is_guarded_as_any_other() {
    on_each(async |pair| {
        let empty = pair.list().await;
        assert_eq!(empty.entries, [], "{}", pair.name);
        let committed = pair.commit(&empty, vec![put(&empty, "/app/a", "1")]).await;
        assert!(matches!(committed, Committed::At { proven: true, .. }), "{}: {committed:?}", pair.name);
        let committed = pair.commit(&empty, vec![put(&empty, "/app/b", "1")]).await;
        assert_eq!(committed, Committed::Conflict, "{}", pair.name);
    });
}

/// A deletion leaves nothing that could be compared, and there are fewer conditions than keys here.
#[test]
fn a_deletion_that_no_condition_could_see_is_found_by_the_count() {
    on_each(async |pair| {
        for n in 0..300 {
            pair.put(&format!("/app/{n:03}"), "x").await;
        }
        let before = pair.list().await;
        pair.delete("/app/299").await;
        let committed = pair.commit(&before, vec![put(&before, "/app/000", "y")]).await;
        assert!(matches!(committed, Committed::At { proven: false, .. }), "{}: {committed:?}", pair.name);
        // The first keys are conditions.
        let before = pair.list().await;
        pair.delete("/app/126").await;
        let committed = pair.commit(&before, vec![put(&before, "/app/000", "z")]).await;
        assert_eq!(committed, Committed::Conflict, "{}", pair.name);
        let before = pair.list().await;
        let committed =
            pair.commit(&before, vec![put(&before, "/app/000", "z"), delete(&before, "/app/298")]).await;
        assert!(matches!(committed, Committed::At { proven: true, .. }), "{}: {committed:?}", pair.name);
    });
}

#[test]
fn as_many_writes_as_promised_are_taken_and_with_one_more_nothing_is_sent() {
    on_each(async |pair| {
        let limit = pair.store.writes_at_once();
        assert_eq!(limit, 127, "{}", pair.name);
        let empty = pair.list().await;
        let write =
            |n: usize| Write { key: format!("/app/{n:03}").into(), value: Some("x".into()), read_at: None };
        let too_many = GuardedWrites::after(&app(), &empty, (0..=limit).map(write).collect());
        let error = pair.store.commit(too_many).await.unwrap_err();
        assert_eq!((error.kind(), error.maybe_applied()), (Kind::InvalidRequest, false), "{error}");
        assert!(error.to_string().contains("128 writes"), "{error}");
        assert_eq!(pair.list().await, empty, "{}", pair.name);
        let committed = pair.commit(&empty, (0..limit).map(write).collect()).await;
        assert!(matches!(committed, Committed::At { proven: true, .. }), "{}: {committed:?}", pair.name);
        // Each of them a condition now, too.
        let full = pair.list().await;
        let again = |n: usize| Write { read_at: Some(full.revision), ..write(n) };
        let committed = pair.commit(&full, (0..limit).map(again).collect()).await;
        assert!(matches!(committed, Committed::At { proven: true, .. }), "{}: {committed:?}", pair.name);
    });
}

#[test]
fn the_past_is_listed_until_it_is_compacted() {
    on_each(async |pair| {
        let first = pair.put("/app/a", "1").await;
        pair.put("/app/b", "2").await;
        let deleted = pair.delete("/app/a").await;
        let head = pair.put("/app/b", "3").await;
        let at = async |revision| pair.store.list_at(&app(), revision).await;
        let listing = at(first).await.unwrap();
        assert_eq!(
            (listing.revision, pairs(&listing)),
            (first, expected(&[("/app/a", "1")])),
            "{}",
            pair.name
        );
        assert_eq!(pairs(&at(first + 1).await.unwrap()), expected(&[("/app/a", "1"), ("/app/b", "2")]));
        assert_eq!(pairs(&at(deleted).await.unwrap()), expected(&[("/app/b", "2")]), "{}", pair.name);
        assert_eq!(at(head).await.unwrap(), pair.list().await, "{}", pair.name);
        for (revision, kind) in [(head + 1, Kind::FutureRevision), (0, Kind::InvalidInput)] {
            assert_eq!(at(revision).await.unwrap_err().kind(), kind, "{} at {revision}", pair.name);
        }
        match &pair.other {
            Other::Memory(memory) => memory.compact(deleted),
            Other::V3(client) => drop(client.compact(deleted).await.unwrap()),
        }
        assert_eq!(at(first).await.unwrap_err().kind(), Kind::Compacted, "{}", pair.name);
        assert_eq!(pairs(&at(deleted).await.unwrap()), expected(&[("/app/b", "2")]), "{}", pair.name);
    });
}

#[test]
fn a_past_of_many_pages_is_of_one_revision() {
    on_each(async |pair| {
        for n in 0..2_500 {
            pair.put(&format!("/app/{n:04}"), "old").await;
        }
        let past = pair.list().await;
        for n in [0, 1_200, 2_499] {
            pair.put(&format!("/app/{n:04}"), "new").await;
        }
        assert_eq!(pair.store.list_at(&app(), past.revision).await.unwrap(), past, "{}", pair.name);
    });
}

#[test]
fn a_write_whose_answer_is_lost_is_sent_once_and_says_so() {
    block_on(async {
        let memory = MemoryStore::from([("/app/a", "1")]);
        for (is_applied, value) in [(true, "2"), (false, "3")] {
            let before = memory.list(&app()).await.unwrap();
            if is_applied {
                memory.lose_next_answer();
            } else {
                memory.lose_next_request();
            }
            let writes = GuardedWrites::after(&app(), &before, vec![put(&before, "/app/a", value)]);
            let error = memory.commit(writes.clone()).await.unwrap_err();
            assert_eq!((error.kind(), error.maybe_applied()), (Kind::Unavailable, true));
            assert_eq!(memory.get("/app/a").unwrap() == value, is_applied);
            let again = memory.commit(writes).await.unwrap();
            assert_eq!(again == Committed::Conflict, is_applied, "what was applied is not applied again");
        }
        memory.conflict_next();
        let before = memory.list(&app()).await.unwrap();
        let writes = GuardedWrites::after(&app(), &before, vec![put(&before, "/app/a", "4")]);
        assert_eq!(memory.commit(writes.clone()).await.unwrap(), Committed::Conflict);
        assert!(matches!(memory.commit(writes).await.unwrap(), Committed::At { .. }));

        let server = Server::start();
        let proxy = Proxy::to(&server.address());
        let ours = v3::Client::new([proxy.endpoint()]).unwrap();
        let witness = v3::Client::new([server.endpoint()]).unwrap();
        let before = ours.list(&app()).await.unwrap();
        proxy.hold(true);
        let writes = GuardedWrites::after(&app(), &before, vec![put(&before, "/app/a", "1")]);
        let lost: Error = soon(ours.commit(writes)).await.unwrap_err();
        assert!(lost.maybe_applied(), "{lost}");
        proxy.hold(false);
        let versions = async || witness.get("/app/a").await.unwrap().kv().map_or(0, |kv| kv.version);
        assert!(versions().await <= 1, "it was sent once");
    });
}

#[test]
fn over_v2_one_key_is_written_if_it_is_as_it_was_read() {
    for etcd in servers::with_v2() {
        let server = Server::builder().etcd(etcd).v2().start();
        block_on(async {
            let client = v2::Client::new([server.endpoint()]).unwrap();
            assert_eq!(client.writes_at_once(), 1);
            let commit = async |before: &Listing, writes| {
                client.commit(GuardedWrites::after(&app(), before, writes)).await
            };
            let empty = client.list(&app()).await.unwrap();
            let made = commit(&empty, vec![put(&empty, "/app/a", "1")]).await.unwrap();
            let Committed::At { revision, proven: false } = made else { panic!("{made:?}") };
            let before = client.list(&app()).await.unwrap();
            assert_eq!((before.revision, pairs(&before)), (revision, expected(&[("/app/a", "1")])));
            assert_eq!(commit(&empty, vec![put(&empty, "/app/a", "2")]).await.unwrap(), Committed::Conflict);

            let changed = commit(&before, vec![put(&before, "/app/a", "ü & 3")]).await.unwrap();
            assert!(matches!(changed, Committed::At { proven: false, .. }));
            for write in [put(&before, "/app/a", "4"), delete(&before, "/app/a")] {
                assert_eq!(commit(&before, vec![write]).await.unwrap(), Committed::Conflict);
            }
            let now = client.list(&app()).await.unwrap();
            assert_eq!(pairs(&now), expected(&[("/app/a", "ü & 3")]));
            assert!(matches!(
                commit(&now, vec![delete(&now, "/app/a")]).await.unwrap(),
                Committed::At { .. }
            ));
            assert_eq!(commit(&now, vec![delete(&now, "/app/a")]).await.unwrap(), Committed::Conflict);
            assert_eq!(client.list(&app()).await.unwrap().entries, []);

            let two = vec![put(&now, "/app/a", "5"), put(&now, "/app/b", "6")];
            let error = commit(&now, two).await.unwrap_err();
            assert_eq!((error.kind(), error.maybe_applied()), (Kind::InvalidRequest, false), "{error}");
            assert_eq!(client.list_at(&app(), 1).await.unwrap_err().kind(), Kind::InvalidRequest);
        });
    }
}
