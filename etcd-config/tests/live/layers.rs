//! A configuration of several layers: what overrides what, and which key is meant where one is named.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use etcd_config::client::Prefix;
use etcd_config::{EtcdConfig, Live, MemoryStore, Options, ProblemKind, Source};

use crate::folder::{Folder, LIMIT};
use crate::service::{SOON, until};

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/app", layers("/app@{zone}", "/app@{instance}"))]
struct App {
    #[etcd(validate = at_least_one, alias = "threads")]
    workers: u32,
    #[etcd(default = "info")]
    level: String,
    #[etcd(map)]
    limits: BTreeMap<String, u32>,
    #[etcd(nested, alias = "database")]
    db: Option<Database>,
    #[etcd(secret)]
    token: Option<String>,
    #[etcd(default = 80, restart)]
    port: u16,
}

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
struct Database {
    url: String,
    #[etcd(default = 1)]
    pool: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what a check is called with")]
fn at_least_one(workers: &u32) -> Result<(), &'static str> {
    if *workers > 0 { Ok(()) } else { Err("at least one is needed") }
}

fn options() -> Options<App> {
    App::options().placeholder("zone", "eu").placeholder("instance", "web-1")
}

fn watch(store: &MemoryStore) -> Live<App> {
    options().watch(store).unwrap()
}

fn after(settings: &Live<App>, revision: u64) -> App {
    settings.wait_for_revision(revision, SOON).unwrap();
    App::clone(&settings.load())
}

#[test]
fn later_layers_override_earlier_ones_key_by_key_and_maps_have_the_entries_of_all() {
    let store = MemoryStore::from([
        ("/app/workers", "1"),
        ("/app/limits/a", "1"),
        ("/app/limits/b", "1"),
        ("/app@eu/limits/b", "2"),
        ("/app@eu/limits/c", "2"),
        ("/app@web-1/limits/c", "3"),
        ("/app@web-2/workers", "9"),
    ]);
    let settings = watch(&store);
    let limits = |limits: &[(&str, u32)]| -> BTreeMap<String, u32> {
        limits.iter().map(|(name, limit)| ((*name).to_owned(), *limit)).collect()
    };
    assert_eq!(settings.load().limits, limits(&[("a", 1), ("b", 2), ("c", 3)]));
    assert_eq!(after(&settings, store.put("/app@eu/workers", "2")).workers, 2);
    assert_eq!(after(&settings, store.put("/app@web-1/workers", "3")).workers, 3);
    // What is overridden makes no difference.
    let snapshots = settings.status().counters.snapshots;
    assert_eq!(after(&settings, store.put("/app/workers", "4")).workers, 3);
    assert_eq!(after(&settings, store.delete("/app@eu/workers")).workers, 3);
    assert_eq!(settings.status().counters.snapshots, snapshots);
    assert_eq!(after(&settings, store.delete("/app@web-1/workers")).workers, 4);
    assert_eq!(
        after(&settings, store.delete("/app@web-1/limits/c")).limits,
        limits(&[("a", 1), ("b", 2), ("c", 2)])
    );
    assert_eq!(after(&settings, store.delete("/app@eu/limits/c")).limits, limits(&[("a", 1), ("b", 2)]));
    let status = settings.status();
    assert_eq!(
        (status.prefix.as_str(), status.layers),
        ("/app", vec!["/app@eu".to_owned(), "/app@web-1".to_owned()])
    );
}

#[test]
fn a_transaction_over_layers_is_one_snapshot_and_one_callback() {
    let store = MemoryStore::from([("/app/workers", "1"), ("/app@eu/level", "warn")]);
    let settings = watch(&store);
    let (sender, changes) = mpsc::channel();
    settings.on_change(move |change| {
        let keys: Vec<String> = change.keys().iter().map(ToString::to_string).collect();
        sender.send((change.after().workers, change.after().level.clone(), keys)).unwrap();
    });
    let transaction = store.transaction().put("/app/workers", "2").put("/app@web-1/level", "debug");
    let revision = transaction.put("/app@eu/workers", "3").commit();
    settings.wait_for_callbacks(revision, SOON).unwrap();
    let keys = ["/app/workers", "/app@eu/workers", "/app@web-1/level"].map(str::to_owned).to_vec();
    assert_eq!(changes.try_iter().collect::<Vec<_>>(), [(3, "debug".to_owned(), keys)]);
    // An override becomes the base: nobody sees anything of it.
    let snapshots = settings.status().counters.snapshots;
    let revision = store.transaction().put("/app/workers", "3").delete("/app@eu/workers").commit();
    settings.wait_for_callbacks(revision, SOON).unwrap();
    assert_eq!((changes.try_iter().count(), settings.status().counters.snapshots), (0, snapshots));
    assert_eq!(settings.load().workers, 3);
    // The key of an override that is gone is one that has changed.
    let revision = store.delete("/app@web-1/level");
    settings.wait_for_callbacks(revision, SOON).unwrap();
    let (_, level, keys) = changes.try_recv().unwrap();
    assert_eq!((level.as_str(), keys), ("warn", vec!["/app@web-1/level".to_owned()]));
}

#[test]
fn an_old_name_in_a_higher_layer_beats_the_new_one_below() {
    let store = MemoryStore::from([
        ("/app/workers", "1"),
        ("/app@eu/threads", "2"),
        ("/app/database/url", "base"),
        ("/app/database/pool", "5"),
        ("/app@web-1/db/url", "own"),
    ]);
    let settings = watch(&store);
    assert_eq!(settings.load().workers, 2);
    // A directory has the keys of all layers, under whatever name each has it.
    assert_eq!(settings.load().db, Some(Database { url: "own".to_owned(), pool: 5 }));
    let rows = settings.explain();
    let key =
        |field: &str| rows.rows().iter().find(|row| row.field() == field).map(|row| row.key().to_owned());
    assert_eq!(key("workers").as_deref(), Some("/app@eu/threads"));
    assert_eq!(key("db.url").as_deref(), Some("/app@web-1/db/url"));
    assert_eq!(key("db.pool").as_deref(), Some("/app/database/pool"));
    let warned: Vec<String> =
        settings.status().warnings.iter().map(|warning| warning.key().to_owned()).collect();
    assert_eq!(warned, ["/app@eu/threads"]);
    let db = after(&settings, store.put("/app/database/pool", "6")).db;
    assert_eq!(db, Some(Database { url: "own".to_owned(), pool: 6 }));
    let error = settings.wait_for_revision(store.put("/app/database/pool", "many"), SOON).unwrap_err();
    assert_eq!(error.problems()[0].key(), "/app/database/pool");
    store.put("/app/database/pool", "7");
    let db = after(&settings, store.delete("/app@web-1/db/url")).db;
    assert_eq!(db, Some(Database { url: "base".to_owned(), pool: 7 }));
    assert_eq!(after(&settings, store.delete("/app@eu/threads")).workers, 1);
}

#[test]
fn what_is_wrong_names_the_key_in_its_layer() {
    let store =
        MemoryStore::from([("/app/workers", "1"), ("/app@eu/workers", "many"), ("/app@web-1/levle", "x")]);
    let error = options().watch(&store).unwrap_err();
    assert_eq!(error.problems()[0].key(), "/app@eu/workers");
    let text = error.to_string();
    assert!(text.contains("/app, /app@eu and /app@web-1") && text.contains("/app@web-1/levle"), "{text}");
    store.put("/app@eu/workers", "2");
    let settings = watch(&store);
    let warnings = settings.status().warnings;
    assert_eq!(warnings.len(), 1);
    assert_eq!((warnings[0].kind(), warnings[0].key()), (ProblemKind::Unknown, "/app@web-1/levle"));
    assert!(warnings[0].what().contains("did you mean level?"), "{}", warnings[0]);
    // One warning for what is misspelt in two layers, of the one that would count.
    let revision = store.put("/app/levle", "x");
    settings.wait_for_revision(revision, SOON).unwrap();
    assert_eq!(settings.status().warnings.len(), 1);
    let revision = store.delete("/app@web-1/levle");
    settings.wait_for_revision(revision, SOON).unwrap();
    until("it is the other one", || {
        settings.status().warnings.iter().any(|warning| warning.key() == "/app/levle")
    });

    let refused = store.put("/app@web-1/workers", "0");
    let error = settings.wait_for_revision(refused, SOON).unwrap_err();
    let problem = &error.problems()[0];
    assert_eq!(
        (problem.kind(), problem.key(), problem.revision()),
        (ProblemKind::Refused, "/app@web-1/workers", Some(refused))
    );
    let row = &settings.explain().rows()[0].clone();
    assert_eq!((row.in_force(), row.value(), row.layer()), (Some("2"), Some("0"), Some("/app@web-1")));
    assert!(row.note().unwrap().contains("in force is /app@eu/workers"), "{:?}", row.note());
}

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/app", layers("/app@a"), deny_unknown_keys)]
struct Strict {
    #[etcd(default = 1)]
    size: u32,
}

#[test]
fn an_unknown_key_is_refused_in_any_layer_and_one_that_is_overridden_is_none() {
    let store = MemoryStore::from([("/app/size", "2"), ("/app@a/size", "3")]);
    let settings = Strict::watch(&store).unwrap();
    assert_eq!(settings.load().size, 3);
    let error = settings.wait_for_revision(store.put("/app@a/sise", "3"), SOON).unwrap_err();
    assert_eq!(
        (error.problems()[0].kind(), error.problems()[0].key()),
        (ProblemKind::Unknown, "/app@a/sise")
    );
    assert_eq!(Strict::watch(&store).unwrap_err().problems()[0].key(), "/app@a/sise");
    let mut bytes = b"/app@a/".to_vec();
    bytes.push(0xff);
    store.delete("/app@a/sise");
    let error = settings.wait_for_revision(store.put(bytes.clone(), "3"), SOON).unwrap_err();
    assert_eq!(error.problems()[0].key(), "/app@a/\u{fffd}");
    settings.wait_for_revision(store.delete(bytes), SOON).unwrap();
}

#[test]
fn the_explanation_has_a_column_for_the_layer() {
    let store =
        MemoryStore::from([("/app/workers", "1"), ("/app@web-1/limits/a", "3"), ("/app@eu/token", "x")]);
    let table = "
FIELD     KEY                  IN FORCE  LAYER       SOURCE   REVISION
workers   /app/workers         1         /app        etcd     2
level     /app/level           info      -           default  -
limits.a  /app@web-1/limits/a  3         /app@web-1  etcd     3
db        /app/db              -         -           absent   -
token     /app@eu/token        •••       /app@eu     etcd     4
port      /app/port            80        -           default  -";
    assert_eq!(watch(&store).explain().to_string(), table.trim());
    assert_eq!(options().explain(&store).unwrap().to_string(), table.trim());
}

#[test]
fn what_waits_for_a_restart_is_the_effective_value() {
    let store = MemoryStore::from([("/app/workers", "1"), ("/app/port", "81")]);
    let settings = watch(&store);
    assert_eq!(after(&settings, store.put("/app@eu/port", "82")).port, 81);
    let pending = settings.status().pending;
    assert_eq!((pending[0].key(), pending[0].value()), ("/app@eu/port", Some("82")));
    // What is overridden does not wait.
    settings.wait_for_revision(store.put("/app/port", "90"), SOON).unwrap();
    assert_eq!(settings.status().pending, pending);
    settings.wait_for_revision(store.put("/app@eu/port", "no port"), SOON).unwrap();
    until("it is tried", || settings.status().pending[0].kind() == ProblemKind::RestartRefused);
    assert_eq!(settings.status().pending[0].key(), "/app@eu/port");
    settings.wait_for_revision(store.put("/app@eu/port", "81"), SOON).unwrap();
    until("nothing waits", || settings.status().pending.is_empty());
}

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/app", layers("/app@a"), commit_key = "version")]
struct Committed {
    size: u32,
}

#[test]
fn the_commit_key_commits_in_any_layer() {
    let store = MemoryStore::from([("/app/size", "1"), ("/app@a/version", "1")]);
    let settings = Committed::watch(&store).unwrap();
    let size = |revision: u64, size: u32| {
        settings.wait_until(|committed| committed.size == size, SOON).unwrap();
        settings.wait_for_revision(revision, SOON).unwrap();
    };
    store.put("/app/size", "2");
    size(store.put("/app/version", "7"), 2);
    store.put("/app@a/size", "3");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(settings.load().size, 2);
    // With the value that it has.
    size(store.put("/app@a/version", "1"), 3);
    store.delete("/app@a/size");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(settings.load().size, 3);
    size(store.put("/app/version", "7"), 2);
}

/// As of servers whose streams cannot prove how far they are: everything that was written is read at once.
#[test]
fn a_commit_comes_into_force_without_a_half_of_the_next_edit() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/app", layers("/app@a"), commit_key = "version")]
    struct Address {
        host: String,
        port: u16,
    }
    let store = MemoryStore::from([("/app/host", "a"), ("/app/port", "1"), ("/app@a/version", "1")]);
    let settings = Address::watch(&store).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    settings.on_change(move |change| {
        let address = change.after();
        note.lock().unwrap().push((address.host.clone(), address.port));
    });
    store.silence_in(&Prefix::new("/app@a"), true);
    for (host, port) in [("b", "2"), ("c", "3")] {
        store.put("/app/host", host);
        store.put("/app/port", port);
        store.put("/app/version", port);
    }
    let half = store.put("/app/host", "d");
    until("known", || settings.status().revision == half);
    settings.wait_until(|address| address.port == 3, SOON).unwrap();
    assert_eq!(settings.load().host, "c", "the next edit is not committed");
    store.put("/app/port", "4");
    let committed = store.put("/app/version", "4");
    settings.wait_for_callbacks(committed, SOON).unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.ends_with(&[("c".to_owned(), 3), ("d".to_owned(), 4)]), "{seen:?}");
    assert!(
        seen.iter().all(|(host, port)| [("b", 2), ("c", 3), ("d", 4)].contains(&(host.as_str(), *port))),
        "{seen:?}"
    );
}

#[test]
fn a_secret_of_a_layer_is_shown_nowhere() {
    let store = MemoryStore::from([("/app/workers", "1"), ("/app@eu/token", "hunter2")]);
    let settings = watch(&store);
    let shown = format!("{:?} {} {:?}", settings.status(), settings.explain(), settings.explain());
    assert!(!shown.contains("hunter2"), "{shown}");
    let folder = Folder::new();
    let loaded = options().cache_file(folder.file()).load_once(&store).unwrap();
    assert_eq!(loaded.token.as_deref(), Some("hunter2"));
    assert!(!folder.text().contains("hunter2") && folder.text().contains("/app/workers"));
}

#[test]
fn the_cache_file_is_of_these_layers_and_no_others() {
    let folder = Folder::new();
    let store =
        MemoryStore::from([("/app/workers", "1"), ("/app@eu/workers", "2"), ("/app@eu/level", "warn")]);
    let cached = || options().cache_file(folder.file()).startup_timeout(LIMIT);
    let settings = cached().watch(&store).unwrap();
    // What is refused is not in the file, in whatever layer it is.
    let saved = |revision: u64| {
        until("saved", || settings.status().cache_file.and_then(|file| file.revision) == Some(revision));
    };
    saved(store.put("/app@web-1/level", "debug"));
    store.put("/app@web-1/workers", "0");
    until("refused", || settings.status().refused_since.is_some());
    drop(settings);
    store.refuse(true);
    let from_cache = cached().watch(&store).unwrap();
    assert_eq!(from_cache.status().source, Source::Cache);
    assert_eq!((from_cache.load().workers, from_cache.load().level.as_str()), (2, "debug"));
    let row = from_cache.explain().rows()[1].clone();
    assert_eq!((row.key(), row.layer()), ("/app@web-1/level", Some("/app@web-1")));
    let others = App::options().placeholder("zone", "us").placeholder("instance", "web-1");
    let error = others.cache_file(folder.file()).startup_timeout(LIMIT).watch(&store).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("it holds /app, /app@eu, /app@web-1, not /app, /app@us, /app@web-1"), "{text}");
}

#[test]
fn the_last_good_state_is_of_all_layers() {
    let store = MemoryStore::from([("/app/workers", "1")]);
    store.put("/app@eu/workers", "2");
    let good = store.put("/app@web-1/level", "warn");
    store.put("/app/workers", "9");
    store.put("/app@eu/workers", "many");
    let settings = options().start_from_last_good(true).watch(&store).unwrap();
    assert_eq!((settings.load().workers, settings.load().level.as_str()), (2, "warn"));
    assert!(settings.snapshot().revision() >= good);
    assert!(settings.status().refused_since.is_some());
    assert_eq!(after(&settings, store.delete("/app@eu/workers")).workers, 9);
}

#[test]
fn layers_are_named_one_by_one_and_each_is_checked() {
    let store = MemoryStore::from([("/app/workers", "1"), ("/x/workers", "5")]);
    assert_eq!(options().layer("/x").load_once(&store).unwrap().workers, 5);
    for (options, words) in [
        (
            App::options().placeholder("zone", "eu"),
            "the layer /app@{instance} needs a value for {instance}: give it with .placeholder(\"instance\", ...)",
        ),
        (options().placeholder("zone", "a/b"), "cannot stand for {zone} in the layer /app@{zone}"),
        (options().layer("/app@eu"), "the prefix /app@eu is there twice"),
        (options().layer("/app/x"), "the layer /app/x lies in /app"),
        (options().placeholder("zone", "web-1"), "the prefix /app@web-1 is there twice"),
    ] {
        let error = options.watch(&store).unwrap_err();
        assert!(error.is_invalid_option() && error.to_string().contains(words), "{error}");
    }
    assert_eq!(App::schema().layers(), ["/app@{zone}", "/app@{instance}"]);
    assert_eq!(options().schema().unwrap().layers(), ["/app@eu", "/app@web-1"]);
    assert!(
        App::schema().to_markdown().contains("below `/app@{zone}`, then below `/app@{instance}` override")
    );
}

#[test]
fn a_misspelt_placeholder_is_named_beside_the_one_that_lacks_a_value() {
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/app", layers("/app@{instanse}"))]
    struct Misspelt {
        #[etcd(default = 1)]
        _workers: u32,
    }
    let store = MemoryStore::new();
    let said = |options: Options<App>| options.load_once(&store).unwrap_err().to_string();
    let misspelt = App::options().placeholder("zone", "eu").placeholder("instnace", "web-1");
    assert_eq!(
        said(misspelt.placeholder("zones", "eu")),
        "the layer /app@{instance} needs a value for {instance}: give it with .placeholder(\"instance\", ...) or \
         .instance(...), or set the environment variable INSTANCE; there is a value for {instnace}, which neither the \
         prefix nor a layer has: is one of the two misspelt?"
    );
    // Here it is the layer that has the wrong name.
    let error = Misspelt::options().instance("web-1").load_once(&store).unwrap_err().to_string();
    let words = "; there is a value for {instance}, which neither the prefix nor a layer has: is one of the two misspelt?";
    assert!(error.contains("needs a value for {instanse}: ") && error.ends_with(words), "{error}");
    // One that is needed elsewhere, or like none, is no slip.
    let one =
        App::options().placeholder("instance", "web-1").layer("/app@{instance2}").placeholder("zone", "eu");
    for options in [one, App::options().placeholder("zone", "eu").placeholder("stage", "x")] {
        let error = said(options);
        assert!(error.contains("needs a value for {instance") && !error.contains("misspelt"), "{error}");
    }
}

#[test]
fn a_layer_of_the_instance_is_that_of_its_name() {
    let store = MemoryStore::from([
        ("/app/workers", "1"),
        ("/app@web-1/workers", "3"),
        ("/app@web-2/workers", "4"),
        ("/app@own/workers", "5"),
    ]);
    let zoned = || App::options().placeholder("zone", "eu");
    assert_eq!(zoned().instance("web-1").load_once(&store).unwrap().workers, 3);
    let settings = zoned().instance("web-2").watch(&store).unwrap();
    assert_eq!(
        (settings.load().workers, settings.status().layers),
        (4, vec!["/app@eu".into(), "/app@web-2".into()])
    );
    // What is said of it comes first, whatever the order.
    let said = zoned().instance("web-1").placeholder("instance", "own");
    assert_eq!(said.load_once(&store).unwrap().workers, 5);
    let said = zoned().placeholder("instance", "own").instance("web-1");
    assert_eq!(said.load_once(&store).unwrap().workers, 5);
    // Without a name there is no value.
    let error = zoned().load_once(&store).unwrap_err().to_string();
    let words = "needs a value for {instance}: give it with .placeholder(\"instance\", ...) or .instance(...), or set the \
                 environment variable INSTANCE";
    assert!(error.contains(words), "{error}");
    // What can be a name, and cannot stand in a key.
    let error = zoned().instance("a{b}").watch(&store).unwrap_err();
    assert!(
        error.is_invalid_option() && error.to_string().contains("cannot stand for {instance}"),
        "{error}"
    );
    // It is edited as any other.
    let options = || zoned().instance("web-1").in_layer("/app@{instance}");
    options().edit(&store).unwrap().set_text("workers", "7").plan().unwrap().commit().unwrap();
    assert_eq!(store.get("/app@web-1/workers").as_deref(), Some(&b"7"[..]));
}
