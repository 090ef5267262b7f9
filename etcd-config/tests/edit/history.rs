//! What was changed before, from the store's own past.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use etcd_config::client::{self, BoxFuture, Kind, Listing, Opened, Prefix, Store};
use etcd_config::{EtcdConfig, History, HistoryCut, HistoryStep, MemoryStore, ProblemKind, Secret, field};

#[derive(EtcdConfig, Debug)]
#[etcd(prefix = "/app")]
pub(crate) struct App {
    #[etcd(default = 10)]
    pub(crate) workers: u32,
    name: Option<String>,
    token: Option<Secret<String>>,
    #[etcd(map)]
    features: BTreeMap<String, bool>,
    #[etcd(nested)]
    database: Option<Database>,
}

#[derive(EtcdConfig, Debug)]
struct Database {
    url: String,
    #[etcd(nested)]
    pool_size: Option<Size>,
}

#[derive(EtcdConfig, Debug)]
struct Size(#[allow(dead_code)] u32);

fn revisions<T>(history: &History<T>) -> Vec<u64> {
    history.steps().iter().map(HistoryStep::revision).collect()
}

/// (key, old, new) of a step.
fn texts(step: &HistoryStep) -> Vec<(&str, Option<&str>, Option<&str>)> {
    step.changes().iter().map(|change| (change.key(), change.old(), change.new())).collect()
}

#[test]
fn each_revision_that_changed_something_is_a_step_newest_first() {
    let store = MemoryStore::from([("/app/workers", "1")]);
    store.put("/elsewhere", "x");
    store.transaction().put("/app/workers", "2").put("/app/name", "a").delete("/app/nothing").commit();
    store.delete("/app/name");
    store.put("/app/workers", "2");
    let history = App::history(&store, ..).unwrap();
    assert_eq!((history.complete_from(), history.last_revision(), history.cut()), (2, 6, None));
    assert_eq!(revisions(&history), [6, 5, 4, 2]);
    let steps = history.steps();
    assert_eq!(texts(&steps[0]), [("/app/workers", Some("2"), Some("2"))]);
    assert!(steps[0].changes()[0].is_rewrite());
    assert_eq!(texts(&steps[1]), [("/app/name", Some("a"), None)]);
    assert!(steps[1].changes()[0].is_deletion());
    let both = [("/app/name", None, Some("a")), ("/app/workers", Some("1"), Some("2"))];
    assert_eq!(texts(&steps[2]), both);
    assert_eq!(texts(&steps[3]), [("/app/workers", None, Some("1"))]);
    let shown = "\
revision 6
  workers  /app/workers  written again
revision 5
  name  /app/name  a -> absent
revision 4
  name     /app/name     absent -> a
  workers  /app/workers  1 -> 2
revision 2
  workers  /app/workers  10 (default) -> 1";
    assert_eq!(history.to_string(), shown);
}

#[test]
fn a_range_takes_both_of_its_ends_and_what_is_deleted_in_between() {
    let store = MemoryStore::new();
    for workers in 1..=20 {
        store.put("/app/workers", workers.to_string());
    }
    store.delete("/app/workers");
    store.put("/other", "x");
    let steps = |history: Result<History<App>, _>| revisions(&history.unwrap());
    assert_eq!(steps(App::history(&store, 20..)), [22, 21, 20]);
    assert_eq!(steps(App::history(&store, 3..5)), [4, 3]);
    assert_eq!(steps(App::history(&store, 3..=5)), [5, 4, 3]);
    assert_eq!(steps(App::history(&store, ..=3)), [3, 2]);
    assert_eq!(steps(App::history(&store, 0..=3)), [3, 2]);
    assert_eq!(steps(App::history(&store, 22..=9_999)), [22]);
    assert_eq!(steps(App::history(&store, 23..)), [0; 0]);
    assert_eq!(steps(App::history(&store, 24..)), [0; 0]); // the next one, which may come at any time
    assert_eq!(App::history(&store, ..).unwrap().steps().len(), 21);
    for wrong in [
        App::history(&store, 25..),
        App::history(&store, RangeInclusive::new(5, 4)),
        App::history(&store, ..0),
    ] {
        let error = wrong.unwrap_err();
        assert!(error.is_invalid_option(), "{error}");
    }
    let error = App::history(&store, 25..).unwrap_err().to_string();
    assert_eq!(
        error,
        "the history of App cannot begin at revision 25: the newest revision of the store is 23"
    );
}

#[test]
fn what_is_compacted_is_said_and_never_left_out_in_silence() {
    let store = MemoryStore::new();
    for workers in 1..=20 {
        store.put("/app/workers", workers.to_string());
    }
    store.compact(15);
    let history = App::history(&store, ..).unwrap();
    assert_eq!((history.complete_from(), history.cut()), (16, Some(HistoryCut::Compacted)));
    assert_eq!(revisions(&history), [21, 20, 19, 18, 17, 16]);
    let shown = history.to_string();
    assert!(shown.ends_with("14 -> 15\n(what was before revision 16 is compacted)"), "{shown}");
    // The last that is left says it, whatever is looked for, and in a loop.
    let last = history.clone().for_field(field!(App.workers)).into_iter().last().unwrap();
    assert!(last.to_string().ends_with("(what was before revision 16 is compacted)"));
    let none = history.for_field(field!(App.name)).to_string();
    assert_eq!(none, "no change from revision 16 to 21; what was before revision 16 is compacted");
    // What was asked for is there.
    let whole = App::history(&store, 16..).unwrap();
    assert_eq!((whole.complete_from(), whole.cut()), (16, None));
    assert_eq!(App::history(&store, 15..).unwrap().cut(), Some(HistoryCut::Compacted));
    let error = App::history(&store, 3..9).unwrap_err();
    assert_eq!(error.store().map(client::Error::kind), Some(Kind::Compacted), "{error}");
    assert!(error.to_string().contains("take a later revision, from 15 on"), "{error}");
}

#[test]
fn the_newest_steps_are_held_and_what_is_older_is_asked_for() {
    let store = MemoryStore::from([("/app/name", "a"), ("/app/features/x", "true")]);
    for workers in 1..=50 {
        store.put("/app/workers", workers.to_string());
    }
    let limited = || App::options().history_limit(7);
    let history = limited().history(&store, ..).unwrap();
    assert_eq!(revisions(&history), [53, 52, 51, 50, 49, 48, 47]);
    assert_eq!((history.complete_from(), history.cut()), (47, Some(HistoryCut::Limit)));
    let shown = history.to_string();
    assert!(
        shown.ends_with("(what was before revision 47 is not read, as there is too much: ask for ..=46)")
    );
    // One page after the other is the whole.
    let mut all = revisions(&history);
    let mut from = history.complete_from();
    loop {
        let page = limited().history(&store, ..from).unwrap();
        all.extend(revisions(&page));
        from = page.complete_from();
        if page.cut().is_none() {
            break;
        }
    }
    assert_eq!(all, (2..=53).rev().collect::<Vec<_>>());
    // Of a prefix that is empty now everything is one stretch, of which the newest are held.
    store.transaction().delete("/app/name").delete("/app/features/x").delete("/app/workers").commit();
    let history = limited().history(&store, ..).unwrap();
    assert_eq!(revisions(&history), [54, 53, 52, 51, 50, 49, 48]);
    assert_eq!((history.complete_from(), history.cut()), (48, Some(HistoryCut::Limit)));
}

#[test]
fn a_step_says_whether_a_start_would_have_failed_and_on_what() {
    let store = MemoryStore::from([("/app/workers", "1")]);
    store.put("/app/workers", "many");
    store.put("/app/name", "a");
    store.put("/app/workers", "2");
    let history = App::history(&store, ..).unwrap();
    let valid: Vec<_> = history.steps().iter().map(HistoryStep::is_valid).collect();
    assert_eq!(valid, [true, false, false, true]);
    let problem = &history.steps()[1].problems()[0];
    assert_eq!(
        (problem.kind(), problem.key(), problem.revision()),
        (ProblemKind::Undecodable, "/app/workers", Some(3))
    );
    let shown = history.steps()[1].to_string();
    let expected = "revision 4, refused by this program\n  name  /app/name  absent -> a\n  problem: /app/workers workers: u32: ";
    assert!(shown.starts_with(expected), "{shown}");
}

#[test]
fn a_field_is_found_by_its_path_its_key_and_its_directory() {
    let store = MemoryStore::new();
    store.put("/app/features/a", "true");
    store.put("/app/features/a.b", "true");
    store.put("/app/database/url", "pg://");
    store.put("/app/database/pool_size", "3");
    store.put("/app/databases", "x");
    let history = App::history(&store, ..).unwrap();
    let of = |history: History<App>| revisions(&history);
    let all = || history.clone();
    assert_eq!(of(all().for_field(field!(App.features))), [3, 2]);
    assert_eq!(of(all().for_field(field!(App.features["a"]))), [2]);
    assert_eq!(of(all().for_field(field!(App.database))), [5, 4]);
    assert_eq!(of(all().for_field(field!(App.database.pool_size))), [5]);
    assert_eq!(of(all().for_field(field!(App.database.pool_size.0))), [5]);
    assert_eq!(of(all().for_path("database.pool_size")), [5]);
    assert_eq!(of(all().for_path("/app/database")), [5, 4]);
    assert_eq!(of(all().for_path("/app/database/")), [5, 4]);
    assert_eq!(of(all().for_path("/app/databases")), [6]);
    assert_eq!(of(all().for_path("database.nothing")), [0; 0]);
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/app", commit_key = "committed")]
struct Committed {
    #[etcd(default = 1)]
    #[allow(dead_code)]
    least: u32,
}

#[test]
fn what_is_not_committed_is_said() {
    let store = MemoryStore::from([("/app/least", "2")]);
    store.put("/app/committed", "1");
    let history = Committed::history(&store, ..).unwrap();
    let committed: Vec<_> = history.steps().iter().map(HistoryStep::is_committed).collect();
    assert_eq!(committed, [true, false]);
    assert!(history.steps()[1].to_string().starts_with("revision 2, not committed\n"));
    assert_eq!(history.steps()[0].changes()[0].new(), Some("1"));
}

/// Neither what is secret today, nor what may have been: a key that no field reads any more.
#[test]
fn no_secret_is_shown() {
    let store = MemoryStore::from([
        ("/app/token", "hunter2"),
        ("/app/tokn", "hunter2"),
        ("/app/old/token", "hunter2"),
    ]);
    store.put("/app/token", "hunter22");
    store.put("/app/token", "hunter22");
    store.transaction().delete("/app/token").delete("/app/tokn").put(b"/app/\xff", "hunter2").commit();
    store.put("/app/token", b"hunter2\xff");
    let history = App::history(&store, ..).unwrap();
    let shown = format!("{history}\n{history:?}\n{history:#?}");
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(shown.contains("  token  /app/token  changed (secret)"), "{shown}");
    assert!(shown.contains("  (no field)  /app/tokn  set (not shown: no field reads it)"), "{shown}");
    assert!(shown.contains("token       /app/token  deleted (secret)"), "{shown}");
    let step = &history.steps()[2];
    assert!(step.changes()[0].is_secret() && step.changes()[0].is_rewrite());
    assert_eq!(texts(step), [("/app/token", None, None)]);
}

#[test]
fn keys_that_are_odd_are_steps_as_well() {
    let store = MemoryStore::new();
    let deep = format!("/app/{}", vec!["d"; 100].join("/"));
    for key in ["/app/", "/app//", "/app/a//b", "/app/\u{1b}[2J\nx", deep.as_str()] {
        store.put(key, "1");
        store.delete(key);
    }
    store.put(b"/app/\xff\xfe", "1");
    let history = App::history(&store, ..).unwrap();
    assert_eq!(history.steps().len(), 11);
    assert!(history.steps().iter().all(|step| step.changes().len() == 1));
    let shown = history.to_string();
    assert!(!shown.contains('\u{1b}') && shown.contains("/app/\\u{1b}[2J\\nx"), "{shown}");
}

#[test]
fn prefixes_of_all_kinds_have_a_history() {
    let store = MemoryStore::from([("workers", "1"), ("/workers", "2"), ("/eu/app/workers", "3")]);
    let keys = |prefix: &str| {
        let history = App::options().prefix(prefix).placeholder("region", "eu").history(&store, ..).unwrap();
        history.into_iter().map(|step| step.changes()[0].field().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keys(""), ["", "", "workers"]);
    assert_eq!(keys("/"), ["", "workers"]);
    assert_eq!(keys("/{region}/app/"), ["workers"]);
    let error = App::options().prefix("/{nowhere}").history(&store, ..).unwrap_err();
    assert!(error.is_invalid_option(), "{error}");
}

#[tokio::test]
async fn in_a_runtime() {
    let store = MemoryStore::from([("/app/workers", "1")]);
    store.put("/app/workers", "many");
    let history = App::history_async(&store, ..).await.unwrap();
    assert_eq!(revisions(&history), [3, 2]);
    let edit = App::edit_async(&store).await.unwrap().restore_async(2).await.unwrap();
    edit.plan().unwrap().commit_async().await.unwrap();
    assert_eq!(store.get("/app/workers").as_deref(), Some(&b"1"[..]));
}

/// How a store answers oddly.
#[derive(Clone, Copy, Debug)]
enum Oddity {
    /// It cannot read its past.
    NoPast,
    /// Its listings of the past are those of another history.
    OtherPast,
    /// They are those of another revision.
    OtherRevision,
    /// A compaction comes between a listing and the watch from there.
    CompactsAt(u64),
    /// As etcd: a listing that is refused does not say what is left.
    Mute,
}

#[derive(Debug)]
struct Odd(MemoryStore, Oddity);

impl Store for Odd {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, client::Error>> {
        assert!(!matches!(self.1, Oddity::NoPast), "something was read");
        Store::list(&self.0, prefix)
    }

    fn list_at(&self, prefix: &Prefix, revision: u64) -> BoxFuture<Result<Listing, client::Error>> {
        let (listing, oddity) = (Store::list_at(&self.0, prefix, revision), self.1);
        if matches!(oddity, Oddity::NoPast) {
            let error = client::Error::new(Kind::InvalidRequest, "the store cannot read its past");
            return Box::pin(std::future::ready(Err(error)));
        }
        Box::pin(async move {
            match (oddity, listing.await) {
                (Oddity::OtherPast, Ok(mut listing)) => {
                    listing.entries.iter_mut().for_each(|entry| entry.value = "other".into());
                    Ok(listing)
                }
                (Oddity::OtherRevision, Ok(listing)) => {
                    Ok(Listing { revision: listing.revision + 1_000, ..listing })
                }
                (Oddity::Mute, Err(error)) => Err(client::Error::new(error.kind(), "compacted")),
                (_, answer) => answer,
            }
        })
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, client::Error>> {
        if let Oddity::CompactsAt(revision) = self.1 {
            self.0.compact(revision);
        }
        Store::watch(&self.0, prefix, after)
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(Self(self.0.clone(), self.1))
    }

    fn identity(&self) -> usize {
        self.0.identity()
    }
}

fn odd(oddity: Oddity) -> Result<History<App>, etcd_config::Error> {
    let store = MemoryStore::from([("/app/features/a", "true"), ("/app/features/b", "true")]);
    for workers in 1..=20 {
        store.put("/app/workers", workers.to_string());
    }
    if let Oddity::Mute = oddity {
        store.compact(15);
    }
    App::history(Arc::new(Odd(store, oddity)), ..)
}

#[test]
fn a_store_without_a_past_says_so_before_anything_is_read() {
    let error = odd(Oddity::NoPast).unwrap_err();
    assert_eq!(error.store().map(client::Error::kind), Some(Kind::InvalidRequest), "{error}");
    assert!(error.to_string().contains("the store cannot read its past"), "{error}");
}

#[test]
fn a_past_that_does_not_add_up_is_an_error_and_no_history() {
    let error = odd(Oddity::OtherPast).unwrap_err();
    assert!(error.to_string().contains("does not add up"), "{error}");
    let error = odd(Oddity::OtherRevision).unwrap_err();
    assert!(error.to_string().contains("and the store gives revision"), "{error}");
}

#[test]
fn a_compaction_while_it_is_read_cuts_it() {
    for oddity in [Oddity::CompactsAt(15), Oddity::Mute] {
        let history = odd(oddity).unwrap();
        assert_eq!((history.complete_from(), history.cut()), (16, Some(HistoryCut::Compacted)), "{oddity:?}");
        assert_eq!(revisions(&history), [23, 22, 21, 20, 19, 18, 17, 16], "{oddity:?}");
    }
}
