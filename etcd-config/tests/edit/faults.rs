//! Answers that are lost, and changes that slip in.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use etcd_config::client::{self, BoxFuture, Committed, GuardedWrites, Kind, Listing, Opened, Prefix, Store};
use etcd_config::{EtcdConfig, MemoryStore, field};

use crate::readme::{Settings, get, store};

fn plan(store: &MemoryStore) -> etcd_config::Plan<Settings> {
    let edit = Settings::edit(store).unwrap();
    edit.set(field!(Settings.database.pool_size), &20).unwrap().plan().unwrap()
}

#[test]
fn a_lost_answer_is_found_out_by_reading() {
    let store = store();
    let plan = plan(&store);
    let before = store.revision();
    store.lose_next_answer();
    let written = plan.commit().unwrap();
    assert_eq!((written.revision(), store.revision()), (before + 1, before + 1));
}

#[test]
fn a_lost_answer_is_found_below_later_changes() {
    let store = store();
    let after = Arc::new(Beside::new(&store, Moment::AfterLostAnswer));
    let written = edit_beside(&after).unwrap();
    assert_eq!(
        (written + 2, get(&store, "/payments/database/pool_size").as_deref()),
        (store.revision(), Some("7"))
    );
}

#[test]
fn a_lost_request_is_unknown_and_not_sent_again() {
    let store = store();
    let plan = plan(&store);
    let before = store.revision();
    store.lose_next_request();
    let error = plan.commit().unwrap_err();
    assert!(error.maybe_applied() && !error.is_conflict() && error.written().is_none(), "{error}");
    assert!(error.to_string().contains("it may still be carried out"), "{error}");
    assert_eq!(error.store().map(client::Error::kind), Some(Kind::Unavailable));
    assert_eq!((store.revision(), get(&store, "/payments/database/pool_size")), (before, None));
}

#[test]
fn a_lost_request_that_was_overtaken_is_a_conflict() {
    let store = store();
    store.put("/payments/log/level", "x");
    let beside = Arc::new(Beside::new(&store, Moment::AfterLostRequest));
    let error = edit_beside(&beside).unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert_eq!(error.conflicts()[0].key, "/payments/log/level");
}

/// As long as a key is there that was not, the request is not carried out. When it is gone again, it may be.
#[test]
fn a_lost_request_that_is_only_held_up_is_unknown() {
    let store = store();
    let beside = Arc::new(Beside::new(&store, Moment::AfterLostRequest));
    let error = edit_beside(&beside).unwrap_err();
    assert!(error.maybe_applied() && !error.is_conflict(), "{error}");
    store.delete("/payments/log/level");
    let late = beside.late.lock().unwrap().take().unwrap();
    let made = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let made = made.block_on(Store::commit(&store, late)).unwrap();
    assert_eq!(made, Committed::At { revision: store.revision(), proven: true });
}

#[test]
fn what_cannot_be_read_at_once_is_read_again() {
    let store = store();
    let beside = Arc::new(Beside::new(&store, Moment::ThenBroken));
    assert_eq!(edit_beside(&beside).unwrap(), store.revision());
}

/// Where a store has no condition of other keys, these do not show that ours will not be written.
#[test]
fn of_one_key_at_a_time_other_keys_show_nothing() {
    let store = store();
    let beside = Arc::new(Beside::new(&store, Moment::OneKeyLostRequest("/payments/log/level")));
    let error = edit_beside(&beside).unwrap_err();
    assert!(error.maybe_applied(), "{error}");
    store.put("/payments/database/pool_size", "3");
    let beside = Arc::new(Beside::new(&store, Moment::OneKeyLostRequest("/payments/database/pool_size")));
    let error = edit_beside(&beside).unwrap_err();
    assert!(error.is_conflict(), "{error}");
}

#[test]
fn what_slips_in_is_said_if_together_it_is_refused() {
    let store = store();
    store.put("/payments/log/level", "x");
    let beside = Arc::new(Beside::new(&store, Moment::Unseen("/payments/log/level")));
    // Nothing that is checked needs it.
    assert!(edit_beside(&beside).is_ok());
    let beside = Arc::new(Beside::new(&store, Moment::Unseen("/payments/api_token")));
    let error = edit_beside(&beside).unwrap_err();
    assert!(error.is_invalid() && error.problems()[0].key() == "/payments/api_token", "{error}");
    assert_eq!(error.written(), Some(store.revision()));
    assert!(error.to_string().contains("the edit is written at revision"), "{error}");
}

fn edit_beside(store: &Arc<Beside>) -> Result<u64, etcd_config::Error> {
    let size = if get(&store.store, "/payments/database/pool_size").is_some() { 21 } else { 20 };
    let edit = Settings::edit(store)?.set(field!(Settings.database.pool_size), &size)?;
    Ok(edit.plan()?.commit()?.revision())
}

/// When somebody else writes.
#[derive(Clone, Copy, Debug)]
enum Moment {
    AfterLostAnswer,
    AfterLostRequest,
    /// The same, of a store that takes one key at a time, and this key.
    OneKeyLostRequest(&'static str),
    /// The answer is lost, and so are the first two streams after it.
    ThenBroken,
    /// The answer is lost, and the store is not heard of again.
    ThenSilent,
    /// Deletes a key as a part of the transaction, as it were: without being seen by its conditions.
    Unseen(&'static str),
}

#[derive(Debug)]
struct Beside {
    store: MemoryStore,
    moment: Moment,
    /// The request that was lost.
    late: Arc<Mutex<Option<GuardedWrites>>>,
    /// How many streams have failed.
    broken: Arc<AtomicUsize>,
}

impl Beside {
    fn new(store: &MemoryStore, moment: Moment) -> Self {
        Self { store: store.clone(), moment, late: Arc::default(), broken: Arc::default() }
    }
}

impl Store for Beside {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, client::Error>> {
        Store::list(&self.store, prefix)
    }

    fn list_at(&self, prefix: &Prefix, revision: u64) -> BoxFuture<Result<Listing, client::Error>> {
        Store::list_at(&self.store, prefix, revision)
    }

    fn watch(&self, prefix: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, client::Error>> {
        if matches!(self.moment, Moment::ThenBroken) && self.broken.fetch_add(1, Ordering::Relaxed) < 2 {
            let error = client::Error::new(Kind::Unavailable, "the connection was lost");
            return Box::pin(std::future::ready(Err(error)));
        }
        Store::watch(&self.store, prefix, after)
    }

    fn commit(&self, mut writes: GuardedWrites) -> BoxFuture<Result<Committed, client::Error>> {
        let (store, moment) = (self.store.clone(), self.moment);
        *self.late.lock().unwrap() = Some(writes.clone());
        Box::pin(async move {
            match moment {
                Moment::AfterLostAnswer => {
                    store.lose_next_answer();
                    let answer = Store::commit(&store, writes).await;
                    store.put("/payments/database/pool_size", "8");
                    store.put("/payments/database/pool_size", "7");
                    answer
                }
                Moment::AfterLostRequest => {
                    store.lose_next_request();
                    let answer = Store::commit(&store, writes).await;
                    store.put("/payments/log/level", "other");
                    answer
                }
                Moment::OneKeyLostRequest(key) => {
                    store.lose_next_request();
                    let answer = Store::commit(&store, writes).await;
                    store.put(key, "5");
                    answer
                }
                Moment::ThenBroken => {
                    store.lose_next_answer();
                    Store::commit(&store, writes).await
                }
                Moment::ThenSilent => {
                    store.lose_next_answer();
                    let answer = Store::commit(&store, writes).await;
                    store.refuse(true);
                    answer
                }
                Moment::Unseen(key) => {
                    store.delete(key);
                    writes.present.retain(|present| present != key.as_bytes());
                    writes.known.revision = store.revision();
                    match Store::commit(&store, writes).await {
                        Ok(Committed::At { revision, .. }) => Ok(Committed::At { revision, proven: false }),
                        answer => answer,
                    }
                }
            }
        })
    }

    fn writes_at_once(&self) -> usize {
        match self.moment {
            Moment::OneKeyLostRequest(_) => 1,
            _ => self.store.writes_at_once(),
        }
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        Arc::new(Self {
            store: self.store.clone(),
            moment: self.moment,
            late: Arc::clone(&self.late),
            broken: Arc::clone(&self.broken),
        })
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(&self.late).addr()
    }
}

#[test]
fn a_user_who_may_not_write_is_told_which_keys_and_what_to_grant() {
    let store = store();
    let plan = plan(&store);
    store.refuse_with(Some(client::Error::new(Kind::PermissionDenied, "permission denied")));
    let error = plan.commit().unwrap_err();
    assert!(error.is_access() && !error.maybe_applied(), "{error}");
    let way_out = "grant the user a role that may read /payments/ and write /payments/database/pool_size";
    assert!(error.to_string().contains(way_out), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_read_afterwards_leaves_it_unknown() {
    let store = store();
    let beside = Arc::new(Beside::new(&store, Moment::ThenSilent));
    let edit = Settings::edit_async(&beside).await.unwrap();
    let plan = edit.set(field!(Settings.database.pool_size), &20).unwrap().plan().unwrap();
    let error = plan.commit_async().await.unwrap_err();
    assert!(error.maybe_applied() && error.to_string().contains("cannot be read either"), "{error}");
}

#[test]
fn reading_goes_on_through_an_outage_within_the_limit() {
    let store = store();
    store.refuse(true);
    let options = || Settings::options().startup_timeout(std::time::Duration::from_secs(5));
    let edit = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(300));
            store.refuse(false);
        });
        options().edit(&store)
    });
    assert!(edit.is_ok());
    store.refuse(true);
    let short = options().startup_timeout(std::time::Duration::from_millis(100));
    let error = short.edit(&store).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    store.refuse_with(Some(client::Error::new(Kind::PermissionDenied, "permission denied")));
    let error = options().edit(&store).unwrap_err();
    assert!(error.is_access() && error.to_string().contains("may read all of /payments/"), "{error}");
}
