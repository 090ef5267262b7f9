//! What is written in one transaction or in several, and on what condition.

use etcd_config::{ConflictingKey, EtcdConfig, MemoryStore, field};
use std::collections::BTreeMap;

use crate::readme::{Settings, get, store};

#[test]
fn all_keys_are_written_at_one_revision() {
    let store = store();
    let before = store.revision();
    let edit = Settings::edit(&store).unwrap().set_text("log/level", "x").set_text("max_connections", "1");
    let written = edit.unset_key("nothing").plan().unwrap().commit().unwrap();
    assert_eq!((written.revision(), store.revision()), (before + 1, before + 1));
}

#[test]
fn a_conflict_names_the_keys_that_have_moved_and_writes_nothing() {
    let store = store();
    store.put("/payments/log/level", "info");
    let plan = Settings::edit(&store).unwrap().set_text("max_connections", "1").plan().unwrap();
    let moved = store.put("/payments/database/url", "other");
    store.delete("/payments/log/level");
    let error = plan.commit().unwrap_err();
    assert!(error.is_conflict() && !error.maybe_applied() && error.written().is_none());
    let named: Vec<_> = error
        .conflicts()
        .iter()
        .map(|ConflictingKey { key, revision, .. }| (key.as_str(), *revision))
        .collect();
    assert_eq!(named, [("/payments/database/url", Some(moved)), ("/payments/log/level", None)]);
    assert_eq!(
        error.to_string(),
        "the edit of Settings below /payments is not written: since revision 4 somebody else has changed \
         /payments/database/url (at revision 5), /payments/log/level (deleted); read again and decide again"
    );
    assert_eq!(get(&store, "/payments/max_connections"), None);
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/many")]
struct Many {
    #[etcd(map)]
    entries: BTreeMap<String, u32>,
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/many", commit_key = "committed")]
struct ManyCommitted {
    #[etcd(map)]
    entries: BTreeMap<String, u32>,
}

fn many(
    mut edit: etcd_config::Edit<impl etcd_config::EtcdConfig>,
    count: u32,
) -> Result<u64, etcd_config::Error> {
    for number in 0..count {
        edit = edit.set_text(format!("entries/{number:04}"), number.to_string());
    }
    Ok(edit.plan()?.commit()?.revision())
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/crowd", validate = Crowd::check)]
struct Crowd {
    #[etcd(map)]
    by: BTreeMap<String, u32>,
    #[etcd(default = 0)]
    least: u32,
    #[etcd(default = 0)]
    most: u32,
}

impl Crowd {
    fn check(&self) -> Result<(), &'static str> {
        if self.least > self.most { Err("the least is more than the most") } else { Ok(()) }
    }
}

/// A transaction has no room for so many conditions, and that a key is gone shows in nothing else.
#[test]
fn of_more_keys_than_there_is_room_for_those_of_fields_are_conditions_before_entries() {
    let store = MemoryStore::from([("/crowd/most", "9")]);
    for number in 0..200 {
        store.put(format!("/crowd/by/{number:03}"), "1");
    }
    let plan = Crowd::edit(&store).unwrap().set(field!(Crowd.least), &5).unwrap().plan().unwrap();
    store.delete("/crowd/most");
    let error = plan.commit().unwrap_err();
    assert!(error.is_conflict() && error.written().is_none(), "{error}");
    assert!(Crowd::check_stored(&store).unwrap().is_ok());
}

#[test]
fn too_many_keys_are_refused_before_anything_is_sent() {
    let store = MemoryStore::new();
    let error = many(Many::edit(&store).unwrap(), 300).unwrap_err();
    assert!(error.is_invalid_option());
    assert!(error.to_string().starts_with("300 keys of Many are to be written below /many"), "{error}");
    assert!(error.to_string().contains("commit_key"), "{error}");
    assert_eq!(store.revision(), MemoryStore::new().revision());
}

#[test]
fn with_a_commit_key_they_go_first_and_the_commit_key_last() {
    let store = MemoryStore::new();
    let before = store.revision();
    let watching = ManyCommitted::watch(&store).unwrap();
    let written = many(ManyCommitted::edit(&store).unwrap(), 300).unwrap();
    assert!(store.revision() == written && written >= before + 3);
    watching.wait_for_revision(written, std::time::Duration::from_secs(5)).unwrap();
    assert_eq!(watching.load().entries.len(), 300);
    assert!(store.get("/many/committed").is_some());
    // Readers wait for it, however few keys change.
    let again = many(ManyCommitted::edit(&store).unwrap(), 301).unwrap();
    watching.wait_for_revision(again, std::time::Duration::from_secs(5)).unwrap();
    assert_eq!(watching.load().entries.len(), 301);
}

#[test]
fn a_conflict_between_transactions_says_how_far_it_came() {
    let store = MemoryStore::new();
    let edit = ManyCommitted::edit(&store).unwrap();
    let interfering = std::sync::Arc::new(Interfering::new(&store));
    drop(edit);
    let error = many(ManyCommitted::edit(&interfering).unwrap(), 300).unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert!(error.to_string().ends_with(
        "1 of 3 transactions are written, and the commit key is not: running processes take nothing of it over"
    ), "{error}");
    assert_eq!(store.get("/many/committed"), None);
}

/// Somebody else writes after the first transaction.
#[derive(Debug)]
struct Interfering {
    store: MemoryStore,
    commits: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Interfering {
    fn new(store: &MemoryStore) -> Self {
        Self { store: store.clone(), commits: std::sync::Arc::default() }
    }
}

use etcd_config::client::{self, BoxFuture, Committed, GuardedWrites, Listing, Opened, Prefix, Store};

impl Store for Interfering {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, client::Error>> {
        Store::list(&self.store, prefix)
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, client::Error>> {
        Store::watch(&self.store, prefix, after)
    }

    fn commit(&self, writes: GuardedWrites) -> BoxFuture<Result<Committed, client::Error>> {
        if self.commits.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1 {
            self.store.put("/many/entries/other", "1");
        }
        Store::commit(&self.store, writes)
    }

    fn writes_at_once(&self) -> usize {
        self.store.writes_at_once()
    }

    fn with_own_connections(&self) -> std::sync::Arc<dyn Store> {
        std::sync::Arc::new(Self { store: self.store.clone(), commits: std::sync::Arc::clone(&self.commits) })
    }

    fn identity(&self) -> usize {
        std::sync::Arc::as_ptr(&self.commits).addr()
    }
}

/// A store that can only be read, as one of a user's own.
#[derive(Debug)]
struct ReadOnly(MemoryStore);

impl Store for ReadOnly {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, client::Error>> {
        Store::list(&self.0, prefix)
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, client::Error>> {
        Store::watch(&self.0, prefix, after)
    }

    fn with_own_connections(&self) -> std::sync::Arc<dyn Store> {
        std::sync::Arc::new(Self(self.0.clone()))
    }

    fn identity(&self) -> usize {
        Store::identity(&self.0)
    }
}

#[test]
fn a_store_that_only_reads_is_refused_by_the_plan() {
    let store = std::sync::Arc::new(ReadOnly(store()));
    let edit = Settings::edit(&store).unwrap().set(field!(Settings.database.pool_size), &3).unwrap();
    let error = edit.plan().unwrap_err();
    assert_eq!(error.to_string(), "Settings cannot be written below /payments: the store only reads");
}

/// Notes what it is asked for.
#[derive(Clone, Debug)]
struct Noting {
    store: MemoryStore,
    calls: std::sync::Arc<std::sync::Mutex<Vec<&'static str>>>,
}

impl Noting {
    fn note(&self, call: &'static str) {
        self.calls.lock().unwrap().push(call);
    }
}

impl Store for Noting {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, client::Error>> {
        self.note("list");
        Store::list(&self.store, prefix)
    }

    fn list_at(&self, prefix: &Prefix, revision: u64) -> BoxFuture<Result<Listing, client::Error>> {
        self.note("list_at");
        Store::list_at(&self.store, prefix, revision)
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, client::Error>> {
        self.note("watch");
        Store::watch(&self.store, prefix, after)
    }

    fn commit(&self, writes: GuardedWrites) -> BoxFuture<Result<Committed, client::Error>> {
        self.note("commit");
        Store::commit(&self.store, writes)
    }

    fn writes_at_once(&self) -> usize {
        self.store.writes_at_once()
    }

    fn with_own_connections(&self) -> std::sync::Arc<dyn Store> {
        std::sync::Arc::new(self.clone())
    }

    fn identity(&self) -> usize {
        std::sync::Arc::as_ptr(&self.calls).addr()
    }
}

#[test]
fn an_edit_costs_one_listing_and_one_transaction() {
    let store = MemoryStore::new();
    for number in 0..10_000 {
        store.put(format!("/many/entries/{number:05}"), "1");
    }
    let noting = std::sync::Arc::new(Noting { store, calls: std::sync::Arc::default() });
    let edit = Many::edit(&noting).unwrap().set(field!(Many.entries["00017"]), &2).unwrap();
    edit.plan().unwrap().commit().unwrap();
    assert_eq!(*noting.calls.lock().unwrap(), ["list", "commit"]);
}
