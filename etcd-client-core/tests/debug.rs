//! What `Debug` shows of the public types: keys, lengths and revisions, and no value and no password.
//!
//! The table is held against the `pub use` lines of the modules: a type that is added without a line
//! here fails the test.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::watcher::{self, Cause, Watcher};
use etcd_client_core::{
    Batch, Change, Committed, Credentials, Delta, EndpointFailure, Entry, Error, GuardedWrites, HistoryMark,
    Kind, Known, Lease, LeaseId, Leased, LeasedPut, Listing, MemoryStore, PackedListing, Prefix, Printable,
    Proxy, Signal, Tls, Write, v2, v3,
};

/// What is planted where there is room for a value or a password.
const PLANTED: &str = "hunter2";

/// A type by its name, and what its `Debug` shows; `None` where it has none to be shown.
type Row = (&'static str, Option<String>);

fn row(name: &'static str, value: &dyn Debug) -> Row {
    (name, Some(format!("{value:?} {value:#?}")))
}

/// Types of which a test cannot make a value, and what is in them: nothing that is a value, or types of
/// this table.
fn bare(names: &'static [&'static str]) -> impl Iterator<Item = Row> {
    names.iter().map(|name| (*name, None))
}

fn entry() -> Entry {
    Entry { key: "/app/k\u{1b}".into(), value: PLANTED.into(), revision: 7 }
}

fn batch() -> Batch {
    Batch { revision: 7, changes: vec![Change::Put(entry()), Change::Delete("/app/gone".into())] }
}

fn listing() -> Listing {
    Listing { revision: 7, cluster: 1, entries: vec![entry()] }
}

fn write() -> Write {
    Write { key: "/app/k\u{1b}".into(), value: Some(PLANTED.into()), read_at: Some(7) }
}

fn root() -> Vec<Row> {
    let store = MemoryStore::from([("/app/k", PLANTED)]);
    let error = Error::new(Kind::Server, "no");
    let mut rows = vec![
        row("Batch", &batch()),
        row("Change", &batch().changes),
        row("Committed", &Committed::At { revision: 7, proven: true }),
        row("GuardedWrites", &GuardedWrites::after(&Prefix::new("/app"), &listing(), vec![write()])),
        row("Write", &write()),
        row("Credentials", &Credentials::new("root", PLANTED)),
        row("Delta", &Delta { revision: 7, cluster: 1, count: 1, entries: vec![entry()] }),
        row("Entry", &entry()),
        row("Error", &error),
        row("Kind", &error.kind()),
        row("Known", &Known::default()),
        row("Lease", &Lease { id: LeaseId(7), ttl: Duration::from_secs(1) }),
        row("LeaseId", &LeaseId(7)),
        row("Leased", &Leased::At { revision: 7, created: true }),
        row("LeasedPut", &LeasedPut { key: "/app/k\u{1b}".into(), value: PLANTED.into(), lease: LeaseId(7) }),
        row("Listing", &listing()),
        row("PackedListing", &PackedListing::of(&listing())),
        row("PackedEntries", &PackedListing::of(&listing()).iter()),
        row("PackedEntry", &PackedListing::of(&listing()).get(0)),
        row("MemoryStore", &store),
        row("Transaction", &store.transaction().put("/app/k", PLANTED).delete("/app/gone")),
        row("HistoryMark", &HistoryMark { revision: 7, count: 1, newest: vec![entry()] }),
        row("Prefix", &Prefix::new("/app")),
        row("Printable", &Printable::line("text")),
        row("Proxy", &Proxy::new(&format!("http://root:{PLANTED}@proxy:3128")).unwrap()),
        row("Signal", &Signal::Batch(batch())),
        row("Tls", &Tls::default()),
        row("Watcher", &Watcher::new(Arc::new(store), Prefix::new("/app"), watcher::Options::default())),
    ];
    // Opened: a watch of the store's own. The others are traits and a future.
    // Holds what it is given; an endpoint and an error.
    rows.extend(bare(&["OneLine", "FailingEndpoint"]));
    rows.extend(bare(&["Opened", "BoxFuture", "Endpoints", "Store", "Watch"]));
    let failure = |failure: &EndpointFailure| format!("{failure:?}");
    rows.push(("EndpointFailure", error.failures().first().map(failure)));
    rows
}

fn of_the_watcher() -> Vec<Row> {
    vec![
        row("Cause", &Cause::Watch),
        row("Counters", &watcher::Counters::default()),
        row(
            "Event",
            &[
                watcher::Event::Listed(Arc::new(listing())),
                watcher::Event::Changed { batch: batch(), cause: Cause::Watch },
            ],
        ),
        row("State", &watcher::State::Disconnected { error: Error::new(Kind::Server, "no") }),
        row("Options", &watcher::Options::default()),
    ]
}

fn client() -> v3::Client {
    v3::Client::builder().endpoints(["http://127.0.0.1:1"]).user("root", PLANTED).build().unwrap()
}

fn of_v3() -> Vec<Row> {
    let client = client();
    let mut kv = v3::KeyValue::default();
    (kv.key, kv.value) = ("/app/k".into(), PLANTED.into());
    let mut got = v3::GetResponse::default();
    got.kvs.push(kv.clone());
    let mut put = v3::PutResponse::default();
    put.prev_kv = Some(kv.clone());
    let mut deleted = v3::DeleteResponse::default();
    deleted.prev_kvs.push(kv.clone());
    let mut done = v3::TxnResponse::default();
    done.responses.push(v3::OperationResponse::Get(got.clone()));
    let txn = client
        .txn()
        .when(v3::Compare::value("/app/k").equals(PLANTED))
        .then(client.put("/app/k", PLANTED))
        .or_else(client.txn().then(client.put("/app/k", PLANTED)));
    let mut rows = vec![
        row("ClientBuilder", &v3::Client::builder().user("root", PLANTED)),
        row("Client", &client),
        row("Compact", &client.compact(1)),
        row("CompactResponse", &v3::CompactResponse::default()),
        row("Delete", &client.delete("/app/k")),
        row("DeleteResponse", &deleted),
        row("Get", &client.get("/app/k")),
        row("GetResponse", &got),
        row("Put", &client.put("/app/k", PLANTED)),
        row("PutResponse", &put),
        row("Header", &v3::Header::default()),
        row("KeyValue", &kv),
        row("Compare", &v3::Compare::value("/app/k").equals(PLANTED)),
        row("CompareNumber", &v3::Compare::version("/app/k")),
        row("CompareValue", &v3::Compare::value("/app/k")),
        row("Operation", &v3::Operation::from(client.put("/app/k", PLANTED))),
        row("OperationResponse", &done.responses),
        row("Txn", &txn),
        row("TxnResponse", &done),
        row("Watch", &client.watch("/app/k")),
        row("EventKind", &v3::EventKind::Put),
        row("WatchResponse", &v3::WatchResponse::default()),
    ];
    // Numbers and names of servers; a stream, which is shown by its endpoint; `Event` is made of
    // `KeyValue`s.
    rows.extend(bare(&[
        "Member",
        "Members",
        "MembersResponse",
        "Status",
        "StatusResponse",
        "LeaseGrant",
        "LeaseGrantResponse",
        "LeaseKeepAlive",
        "LeaseKeepAliveResponse",
        "LeaseRevoke",
        "LeaseRevokeResponse",
        "LeaseTimeToLive",
        "LeaseTimeToLiveResponse",
        "Leases",
        "LeasesResponse",
        "LeaseId",
        "Changes",
        "Event",
    ]));
    rows
}

fn of_v2() -> Vec<Row> {
    let client =
        v2::Client::builder().endpoints(["http://127.0.0.1:1"]).user("root", PLANTED).build().unwrap();
    let node = |below: &str| {
        format!(
            r#"{{"key":"/app/k","value":"{PLANTED}","modifiedIndex":7,"createdIndex":7,"nodes":[{below}]}}"#
        )
    };
    let node = node(&node(""));
    let answer = format!(r#"{{"action":"set","node":{node},"prevNode":{node}}}"#);
    let answer: v2::Answer = serde_json::from_str(&answer).unwrap();
    let mut rows = vec![
        row("ClientBuilder", &v2::Client::builder().user("root", PLANTED)),
        row("Client", &client),
        row("Answer", &answer),
        row("Node", &answer.node),
        row("Action", &answer.action),
        row("Set", &client.set("/app/k", PLANTED)),
        row("Set", &client.compare_and_swap("/app/k", PLANTED, PLANTED)),
        row("CreateInOrder", &client.create_in_order("/app", PLANTED)),
        row("Delete", &client.compare_and_delete("/app/k", PLANTED)),
        row("Get", &client.get("/app/k")),
        row("Mkdir", &client.mkdir("/app")),
        row("Rmdir", &client.rmdir("/app")),
        row("Refresh", &client.refresh("/app/k", Duration::from_secs(1))),
        row("Raw", &client.raw("PUT", "/v2/keys/app/k").form("value", PLANTED)),
        row("Watch", &client.watch("/app/k")),
        row("WatcherBuilder", &client.watcher("/app/k")),
        row("Call", &client.set("/app/k", PLANTED)),
        row("Ask", &client.members()),
        row("ErrorCode", &v2::ErrorCode::KeyNotFound),
    ];
    // Numbers and names of servers; streams, which are shown by their keys; a trait. `Event`, `Response`,
    // `Refusal` and `Resync` come from a server only, and hold what has a row here.
    rows.extend(bare(&[
        "Change",
        "Event",
        "AbortHandle",
        "Operation",
        "Counts",
        "FollowerStats",
        "Health",
        "Latency",
        "LeaderInfo",
        "LeaderStats",
        "Machines",
        "Member",
        "Members",
        "SelfStats",
        "StoreStats",
        "Version",
        "Reconnect",
        "Headers",
        "OpenWatch",
        "Watcher",
        "Response",
        "Refusal",
        "Resync",
    ]));
    rows
}

fn of_blocking() -> Vec<Row> {
    let blocking = client().blocking();
    let mut rows = vec![row("Pending", &blocking.put("/app/k", PLANTED)), row("V3Client", &blocking)];
    // Streams, and a client of the other protocol, which is as the one that it wraps.
    rows.extend(bare(&["Changes", "Events", "V2Client"]));
    rows
}

/// The names in the `pub use` lines of a module.
fn exported(source: &str) -> BTreeSet<String> {
    let uses = source.split(';').filter_map(|item| item.trim_start().rsplit_once("pub use "));
    let names = uses.flat_map(|(_, path)| {
        let list = path.rsplit_once("::").map_or(path, |(_, last)| last);
        let list = path.split_once('{').map_or(list, |(_, list)| list.trim_end().trim_end_matches('}'));
        list.split(',')
            .filter_map(|name| Some(name.rsplit("::").next()?.trim().to_owned()))
            .filter(|name| !name.is_empty())
    });
    names.collect()
}

#[track_caller]
fn assert_is_whole_and_silent(source: &str, rows: Vec<Row>) {
    let exported = exported(source);
    assert!(!exported.is_empty());
    let named: BTreeSet<String> = rows.iter().map(|(name, _)| (*name).to_owned()).collect();
    let missing: Vec<_> = exported.difference(&named).collect();
    assert!(missing.is_empty(), "show that `Debug` keeps values of these to itself: {missing:?}");
    for (name, shown) in rows {
        let shown = shown.unwrap_or_default();
        // As text, and as bytes.
        let bytes = format!("{:?}", PLANTED.as_bytes());
        assert!(!shown.contains(PLANTED) && !shown.contains(&bytes), "{name}: {shown}");
        assert!(!shown.contains('\u{1b}'), "{name}: {shown}");
    }
}

#[test]
fn no_public_type_shows_a_value_or_a_password() {
    assert_is_whole_and_silent(include_str!("../src/lib.rs"), root());
    assert_is_whole_and_silent(include_str!("../src/watcher.rs"), of_the_watcher());
    assert_is_whole_and_silent(include_str!("../src/v3.rs"), of_v3());
    assert_is_whole_and_silent(include_str!("../src/v2.rs"), of_v2());
    assert_is_whole_and_silent(include_str!("../src/blocking.rs"), of_blocking());
}

#[test]
fn keys_lengths_and_revisions_are_shown() {
    let shown = format!("{:?}", listing());
    let expected = r#"entries: [Entry { key: "/app/k\u{1b}", value: 7 bytes, revision: 7 }]"#;
    assert!(shown.contains(expected), "{shown}");
    let client = client();
    let shown = format!("{:?}", v3::Operation::from(client.put("/app/k", PLANTED)));
    assert!(shown.contains(r#"key: "/app/k", value: 7 bytes"#), "{shown}");
}

#[test]
fn an_error_holds_nothing_that_a_terminal_obeys_and_no_flood() {
    let error = Error::new(Kind::Server, format!("x\u{1b}[2J\nERROR {}", "y".repeat(20 << 20)));
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains(['\u{1b}', '\n']), "{}", &shown[..40]);
        assert!(shown.len() < 10_000);
    }
    assert!(error.to_string().starts_with(r"x\u{1b}[2J\nERROR y"));
}

#[test]
fn a_module_whose_types_are_not_listed_is_noticed() {
    let names = exported("mod a;\npub use a::{B, C,\n    D};\npub use e::F;\nuse g::H;\n");
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["B", "C", "D", "F"]);
}
