//! The lines that `docs::what_happens_when` quotes of the log are lines that are written.

use std::collections::BTreeSet;
use std::time::Duration;

use etcd_client_core::{Error, Kind};
use etcd_config::{EtcdConfig, Live, MemoryStore, Options};
use etcd_config_tests::{SOON, Server, log, until};

const PAGE: &str = include_str!("../../../etcd-config/src/docs/what_happens_when.md");
/// All prefixes and files here begin with it, and no others.
const HERE: &str = "quoted-log";

#[derive(EtcdConfig, Debug)]
struct Settings {
    #[etcd(default = 10)]
    workers: u32,
}

/// Of the tables with a column for the log, that column; and what a row says that "the log says".
fn quotes() -> BTreeSet<&'static str> {
    let mut quotes = BTreeSet::new();
    let mut is_last_of_log = false;
    for line in PAGE.lines() {
        let cell = line.strip_suffix(" |").and_then(|row| row.rsplit_once("| ")).map(|(_, cell)| cell);
        is_last_of_log = match cell {
            Some("the log") => true,
            Some(_) => is_last_of_log,
            None => false,
        };
        let said = line.split_once("the log says ").map(|(_, said)| said);
        quotes.extend(said.and_then(|said| quoted(said).next()));
        quotes.extend(cell.filter(|_| is_last_of_log).into_iter().flat_map(quoted));
    }
    quotes
}

/// What stands between backquotes, but for links.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let parts: Vec<&str> = text.split('`').collect();
    let count = parts.len() / 2;
    (0..count)
        .map(move |number| (parts[2 * number], parts[2 * number + 1]))
        .filter_map(|(before, quote)| (!before.ends_with('[')).then_some(quote))
}

/// Whether a record of these begins as quoted; as a whole where the quote does not end with dots.
fn is_among(quote: &str, records: &[String]) -> bool {
    records.iter().filter_map(|record| record.split_once(' ')).any(|(_, message)| {
        match quote.strip_suffix("...") {
            Some(beginning) => message.starts_with(beginning),
            None => message
                .strip_prefix(quote)
                .is_some_and(|fields| fields.is_empty() || (fields.starts_with(' ') && fields.contains('='))),
        }
    })
}

fn options(name: &str) -> Options<Settings> {
    Settings::options().prefix(format!("/{HERE}/{name}"))
}

fn key(name: &str) -> String {
    format!("/{HERE}/{name}/workers")
}

fn follows(live: &Live<Settings>, revision: u64) {
    live.wait_for_revision(revision, SOON).expect("in force");
}

#[test]
fn each_line_of_the_page_is_written() {
    log::keep();
    let folder = tempfile::Builder::new().prefix(HERE).tempdir().expect("a temporary folder");
    starting(&folder.path().join("cache"));
    losing();
    auditing();
    writing();
    // Whoever is dead is tried first, or within a minute.
    let server = Server::start();
    let dead = format!("http://127.0.0.1:{}", unused_port());
    let live = options("endpoints").watch([dead.clone(), server.endpoint()]).expect("a first snapshot");

    let quotes = quotes();
    assert!(quotes.len() >= 14 && quotes.contains("connected: watching"), "{quotes:#?}");
    for quote in quotes {
        until(quote, || is_among(quote, &log::about(HERE)) || is_among(quote, &log::about(&dead)));
    }
    drop(live);
}

fn unused_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn starting(cache: &std::path::Path) {
    drop(options("empty").watch(MemoryStore::new()).expect("the defaults"));

    let store = MemoryStore::from([(key("cache"), "5")]);
    let options = || options("cache").cache_file(cache).startup_timeout(Duration::from_millis(200));
    options().load_once(&store).expect("it is valid");
    store.refuse(true);
    let live = options().watch(&store).expect("from the cache");
    store.refuse(false);
    follows(&live, store.put(key("cache"), "6"));

    let nowhere = format!("/no such folder/{HERE}/cache");
    let live = self::options("nowhere").cache_file(nowhere).watch(&store).expect("it starts");
    until("known", || live.status().cache_file.is_some_and(|file| file.problem.is_some()));
}

fn losing() {
    let store = MemoryStore::from([(key("lost"), "5")]);
    let live = options("lost").watch(&store).expect("it is valid");
    store.refuse(true);
    store.cut();
    until("lost", || !live.status().state.is_watching());
    for value in ["6", "7", "8"] {
        store.put(key("lost"), value);
    }
    store.compact(store.revision() - 1);
    store.refuse(false);
    follows(&live, store.revision());
    store.rewind(store.revision() - 1);
    until("rewound", || live.status().last_rewind.is_some());
}

fn auditing() {
    let store = MemoryStore::from([(key("audited"), "5")]);
    let often = Duration::from_millis(200);
    let options = options("audited").audit_interval(often).progress_interval(often);
    let live = options.watch(&store).expect("it is valid");
    until("watching", || live.status().state.is_watching());
    store.lose_next(1);
    store.put(key("audited"), "6");
    until("repaired", || live.status().counters.repairs > 0);
    store.lag(true);
    store.put(key("audited"), "7");
    until("repaired again", || live.status().counters.repairs > 1);
    store.lag(false);
    store.refuse_with(Some(Error::new(Kind::PermissionDenied, "no role")));
    until("refused", || live.status().state.error().is_some_and(Error::is_access));
}

fn writing() {
    let store = MemoryStore::from([(key("written"), "5")]);
    let live = options("written").watch(&store).expect("it is valid");
    let _panicking = live.on_change(|_| panic!("the callback's own"));
    follows(&live, store.put(key("written"), "6"));
    follows(&live, store.put(key("written"), " 6"));
    store.put(key("written"), "many");
    until("refused", || live.status().refused_since.is_some());
    // The same text, too.
    follows(&live, store.put(key("written"), " 6"));
    until("called", || live.status().counters.callback_panics > 0);
}

#[test]
fn a_line_that_is_not_written_is_found() {
    let records = ["WARN not connected: trying again prefix=/a".to_owned(), "INFO watching".to_owned()];
    for quote in ["not connected: ...", "not connected: trying again", "watching"] {
        assert!(is_among(quote, &records), "{quote}");
    }
    for quote in ["not connected", "connected: ...", "trying again", "watch"] {
        assert!(!is_among(quote, &records), "{quote}");
    }
    let found: Vec<&str> = quoted("`a`, or [`b`](crate::B), then `c ...`").collect();
    assert_eq!(found, ["a", "c ..."]);
}
