//! What a person is told of a prefix that nothing lies below, or nothing that is read.

use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use etcd_client_core::{BoxFuture, Error, Kind, Listing, MemoryStore, Opened, Prefix, Store};
use etcd_config::{EtcdConfig, Options, ProblemKind};

use crate::service::{SOON, Service};

/// All of whose fields have defaults.
#[derive(EtcdConfig, Debug, PartialEq)]
struct Relaxed {
    #[etcd(default = 8080)]
    port: u16,
    #[etcd(default = "x")]
    name: String,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Needy {
    port: u16,
    name: String,
}

const NOTHING: &str = "there is no key at all below this prefix";
const PUTS: &str = "\n  to write what is missing, with your values in place of <...>:";
const PUTS_IF_RIGHT: &str =
    "\n  if this prefix is right, this writes what is missing, with your values in place of <...>:";

fn store(keys: &[&str]) -> MemoryStore {
    keys.iter().map(|key| (*key, "1")).collect()
}

fn at<T: EtcdConfig>(prefix: &str) -> Options<T> {
    T::options().prefix(prefix)
}

#[test]
fn the_error_says_that_there_is_nothing_and_where_there_is_something() {
    let meant = |prefix: &str| format!(": there are keys below {prefix}; is that the prefix?");
    let itself =
        "/app itself is a key, which no field reads: each field has a key of its own, such as /app/port";
    // What writes the keys is said always: they may be new, and what is elsewhere another's.
    for (prefix, keys, hint) in [
        ("/app", &[][..], String::new()),
        ("/app", &["app/port"], meant("app")),
        ("app", &["/app/port"], meant("/app")),
        ("/app", &["/App/port"], meant("/App")),
        ("/app", &["/apps/port", "/other/port"], meant("/apps")),
        ("/app/prod", &["/app/production/port", "/app/staging/port"], meant("/app/production")),
        ("/apps/payments/prod", &["/apps/payment/prod/port"], meant("/apps/payment/prod")),
        ("/app", &["/app"], format!(": {itself}")),
        ("/app/prod", &["/app/port"], ": there is /app/port; is the prefix /app?".to_owned()),
        (
            "/app",
            &["/app.port"],
            ": there is /app.port, but the keys of the prefix /app begin with /app/".to_owned(),
        ),
        ("/app", &["/a/x", "/b", "/c", "/d", "/e", "/f"], ": / holds a/, b, c, d, e, ...".to_owned()),
        ("/app", &["other/x"], ": the store begins with other/".to_owned()),
        ("/app", &["/\u{1b}[2J/x"], ": / holds \\u{1b}[2J/".to_owned()),
    ] {
        let expected = format!(
            "2 problems in Needy from {prefix} at revision {}\n  \
             {prefix}/port port: u16       required, but there is no such key\n  \
             {prefix}/name name: String    required, but there is no such key\n  {NOTHING}{hint}",
            1 + keys.len()
        );
        let error = at::<Needy>(prefix).load_once(store(keys)).unwrap_err();
        let is_elsewhere = hint.contains("is that the prefix?") || hint.starts_with(": there is /");
        let intro = if is_elsewhere { PUTS_IF_RIGHT } else { PUTS };
        let puts = format!(
            "{intro}\n    etcdctl put {prefix}/port '<u16>'\n    etcdctl put {prefix}/name '<String>'"
        );
        assert_eq!(error.to_string(), expected + &puts);
        assert!(!format!("{error:#}").contains("etcdctl"), "{error:#}");
    }
}

#[test]
fn a_key_for_an_example_is_one_that_a_field_reads() {
    #[derive(EtcdConfig, Debug)]
    struct Deep {
        #[etcd(nested)]
        _database: Database,
        #[etcd(key = "log/level")]
        _level: String,
    }
    #[derive(EtcdConfig, Debug)]
    struct Database {
        _url: String,
    }
    #[derive(EtcdConfig, Debug)]
    struct Entries {
        #[etcd(map)]
        _limits: BTreeMap<String, u8>,
        #[etcd(key = "/elsewhere/name")]
        _name: String,
    }
    let hint = |error: etcd_config::Error| {
        let text = error.to_string();
        text.lines().find(|line| line.contains(NOTHING)).unwrap_or_default().to_owned()
    };
    let itself = |example: &str| {
        format!(
            "  {NOTHING}: /app itself is a key, which no field reads: each field has a key of its own, such as {example}"
        )
    };
    let error = at::<Deep>("/app").load_once(store(&["/app"])).unwrap_err();
    assert_eq!(hint(error), itself("/app/_database/_url"));
    let error = at::<Entries>("/app").load_once(store(&["/app"])).unwrap_err();
    assert_eq!(hint(error), itself("/app/_limits/<name>"));
}

#[test]
fn a_directory_that_goes_on_where_the_prefix_ends_is_not_called_a_key() {
    let error = at::<Needy>("/a").load_once(store(&["/a-b/x"])).unwrap_err().to_string();
    assert!(error.contains(&format!("{NOTHING}: / holds a-b/{PUTS}")), "{error}");
}

#[test]
fn what_the_fleet_and_rollouts_keep_beside_a_prefix_is_not_called_a_prefix() {
    for beside in ["/app.fleet/web-1", "/app.rollout/a", "/app.rollout/a/owner"] {
        let name = beside.split('/').nth(1).unwrap_or_default();
        // A neighbour's are nobody's prefix either.
        for prefix in ["/app", "/apps", "/ap"] {
            let error = at::<Needy>(prefix).load_once(store(&[beside])).unwrap_err().to_string();
            assert!(
                error.contains(&format!("{NOTHING}: / holds {name}/{PUTS}")),
                "{prefix}, {beside}: {error}"
            );
        }
        let error = at::<Needy>("/app").load_once(store(&[beside, "/apps/port"])).unwrap_err().to_string();
        assert!(error.contains("there are keys below /apps; is that the prefix?"), "{beside}: {error}");
    }
}

#[test]
fn the_question_where_else_keys_are_is_within_the_limit_of_the_start() {
    let asked = Asked::new(MemoryStore::new(), Answer::Never);
    let start = Instant::now();
    let limit = Duration::from_millis(50);
    at::<Relaxed>("/app").startup_timeout(limit).watch(asked.clone().into_store()).unwrap();
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
    assert_eq!(asked.questions.load(Ordering::SeqCst), 1);
}

#[test]
fn where_all_values_are_defaults_it_is_a_warning_until_a_key_is_read() {
    let store = store(&["/App/port"]);
    let live = at::<Relaxed>("/app").watch(&store).unwrap();
    let what = format!("/app: {NOTHING}: there are keys below /App; is that the prefix?");
    let status = live.status();
    assert!(status.to_string().contains(&format!("\n  warning: {what}")), "{status}");
    let [warning] = status.warnings.as_slice() else { panic!("{status}") };
    assert_eq!((warning.kind(), warning.is_harmless()), (ProblemKind::NothingRead, false));
    let explained = live.explain().to_string();
    assert!(explained.ends_with("\nthere is no key at all below /app"), "{explained}");

    live.wait_for_revision(store.put("/app/port", "81"), SOON).unwrap();
    assert!(live.status().warnings.is_empty(), "{}", live.status());
    assert!(!live.explain().to_string().contains("no key at all"), "{}", live.explain());
}

#[test]
fn keys_that_lie_one_directory_deeper_are_found() {
    let store = store(&["/app/prod/port", "/app/prod/name", "/app/staging/port"]);
    let what = "no field reads any of the keys below this prefix; those below /app/prod would be read: is that the prefix?";
    let error = at::<Needy>("/app").load_once(&store).unwrap_err().to_string();
    assert!(error.ends_with(&format!("\n  {what}")), "{error}");
    let live = at::<Relaxed>("/app").watch(&store).unwrap();
    assert_eq!(live.status().warnings[0].to_string(), format!("/app: {what}"));
    // One key that is read shows that the prefix is right.
    store.put("/app/name", "x");
    let error = at::<Needy>("/app").load_once(&store).unwrap_err().to_string();
    assert!(!error.contains(what), "{error}");
}

#[test]
fn a_refused_update_that_takes_all_keys_away_says_so() {
    let store = MemoryStore::from([("/service/database/url", "pg://db")]);
    let live = Service::watch(&store).unwrap();
    live.wait_for_revision(store.delete("/service/database/url"), SOON).unwrap_err();
    let status = live.status().to_string();
    assert!(status.contains(NOTHING), "{status}");
}

/// What a store does that is asked where else there may be keys.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Denied,
    Never,
}

/// A store that counts such questions.
#[derive(Clone, Debug)]
struct Asked {
    memory: MemoryStore,
    answer: Answer,
    questions: Arc<AtomicUsize>,
}

impl Asked {
    fn new(memory: MemoryStore, answer: Answer) -> Self {
        Self { memory, answer, questions: Arc::default() }
    }

    fn into_store(self) -> Arc<dyn Store> {
        Arc::new(self)
    }
}

impl Store for Asked {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        self.memory.list(prefix)
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        self.memory.watch(prefix, after)
    }

    fn names(&self, _: &Prefix, _: usize) -> BoxFuture<Result<Vec<String>, Error>> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        match self.answer {
            Answer::Denied => Box::pin(ready(Err(Error::new(Kind::PermissionDenied, "permission denied")))),
            Answer::Never => Box::pin(pending()),
        }
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(&self.questions) as usize
    }
}

#[test]
fn a_store_that_does_not_say_keeps_nobody_from_starting() {
    for answer in [Answer::Denied, Answer::Never] {
        let start = Instant::now();
        let store = Asked::new(MemoryStore::new(), answer).into_store();
        let error = at::<Needy>("/app").load_once(&store).unwrap_err().to_string();
        assert!(error.contains(&format!("\n  {NOTHING}{PUTS}")), "{error}");
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    }
}

#[test]
fn nobody_is_asked_where_there_are_keys_nor_later() {
    let memory = store(&["/app/port"]);
    let asked = Asked::new(memory.clone(), Answer::Denied);
    let live = at::<Relaxed>("/app").watch(asked.clone().into_store()).unwrap();
    live.wait_for_revision(memory.put("/app/port", "x"), SOON).unwrap_err();
    live.wait_for_revision(memory.delete("/app/port"), SOON).unwrap();
    drop(live);
    at::<Needy>("/app")
        .load_once(Asked { memory: store(&["/app/x"]), ..asked.clone() }.into_store())
        .unwrap_err();
    assert_eq!(asked.questions.load(Ordering::SeqCst), 0);
}
