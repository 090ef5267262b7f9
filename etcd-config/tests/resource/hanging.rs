//! Builds that do not return, or late.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use etcd_config::{EtcdConfig, Live, MemoryStore, Resource};
use etcd_config_tests::{SOON, until};

use crate::Shop;

const LIMIT: Duration = Duration::from_millis(200);

/// Builds of these sizes hang until they are let go.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    held: BTreeSet<u32>,
    begun: Vec<u32>,
}

impl Gate {
    fn hold(&self, sizes: impl IntoIterator<Item = u32>) {
        self.0.0.lock().unwrap().held.extend(sizes);
    }

    fn let_go(&self, size: u32) {
        self.0.0.lock().unwrap().held.remove(&size);
        self.0.1.notify_all();
    }

    fn let_all_go(&self) {
        self.0.0.lock().unwrap().held.clear();
        self.0.1.notify_all();
    }

    fn pass(&self, size: u32) {
        let mut state = self.0.0.lock().unwrap();
        state.begun.push(size);
        drop(self.0.1.wait_while(state, |state| state.held.contains(&size)).unwrap());
    }

    fn begun(&self) -> Vec<u32> {
        self.0.0.lock().unwrap().begun.clone()
    }

    fn pool(&self, settings: &Live<Shop>, limit: Duration) -> Resource<u32> {
        let gate = self.clone();
        let build = move |size: &u32| {
            gate.pass(*size);
            Ok::<_, String>(*size)
        };
        settings.building().name("pool").limit(limit).resource(|s| &s.size, build).unwrap()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // The threads of this test end with it.
        if std::thread::panicking() {
            self.0.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).held.clear();
            self.0.1.notify_all();
        }
    }
}

#[test]
fn one_that_does_not_return_refuses_the_update_and_holds_up_no_later_one() {
    let (store, gate) = (MemoryStore::new(), Gate::default());
    let settings = Shop::watch(&store).unwrap();
    let pool = gate.pool(&settings, LIMIT);
    gate.hold([2]);
    let refused = store.put("/shop/size", "2");
    let error = settings.wait_for_revision(refused, SOON).unwrap_err();
    assert_eq!(error.problems()[0].what(), "has not returned within 200ms");
    let status = settings.status();
    assert_eq!((status.resources[0].hanging, status.counters.build_failures), (1, 1));
    assert!(status.to_string().contains("1 build has not returned"), "{status}");
    assert_eq!((*pool.load(), settings.load().size), (1, 1));
    let revision = store.put("/shop/size", "3");
    settings.wait_for_revision(revision, SOON).unwrap();
    assert_eq!((*pool.load(), settings.load().size), (3, 3));
    gate.let_all_go();
    until("returned", || settings.status().resources[0].hanging == 0);
    assert_eq!(*pool.load(), 3, "what comes late and is not wanted any more is not in force");
}

#[test]
fn what_comes_late_is_used_if_the_values_are_still_the_same() {
    let (store, gate) = (MemoryStore::new(), Gate::default());
    let settings = Shop::watch(&store).unwrap();
    let pool = gate.pool(&settings, LIMIT);
    gate.hold([2]);
    let refused = store.put("/shop/size", "2");
    settings.wait_for_revision(refused, SOON).unwrap_err();
    // Tried again, and with another key that it does not read: no other thread is begun for the same.
    until("tried again", || settings.status().counters.build_failures >= 2);
    let refused = store.put("/shop/other", "1");
    let error = settings.wait_for_revision(refused, SOON).unwrap_err();
    assert_eq!(error.problems()[0].what(), "a build of the same values has not returned yet");
    assert_eq!(gate.begun(), [1, 2]);
    let before = Instant::now();
    gate.let_go(2);
    until("in force", || *pool.load() == 2);
    assert_eq!((settings.load().size, settings.load().other), (2, 1));
    assert!(before.elapsed() < Duration::from_millis(500), "not with the next try: {:?}", before.elapsed());
    assert_eq!(gate.begun(), [1, 2]);
}

#[test]
fn threads_that_do_not_return_are_bounded() {
    let (store, gate) = (MemoryStore::new(), Gate::default());
    let settings = Shop::watch(&store).unwrap();
    let pool = gate.pool(&settings, Duration::from_millis(20));
    gate.hold(2..10);
    for size in 2..10_u32 {
        let refused = store.put("/shop/size", size.to_string());
        let error = settings.wait_for_revision(refused, SOON).unwrap_err();
        let what = error.problems()[0].what();
        assert_eq!(what.contains("no other is begun"), size > 5, "{size}: {what}");
    }
    assert_eq!(settings.status().resources[0].hanging, 4);
    assert_eq!(gate.begun(), [1, 2, 3, 4, 5]);
    gate.let_all_go();
    until("in force", || *pool.load() == 9);
    assert_eq!(settings.load().size, 9);
}

#[test]
fn meanwhile_all_else_goes_on_and_becomes_one_update() {
    let (store, gate) = (MemoryStore::new(), Gate::default());
    let settings = Shop::options().progress_interval(Duration::from_millis(50)).watch(&store).unwrap();
    let pool = gate.pool(&settings, SOON);
    gate.hold([2]);
    store.put("/shop/size", "2");
    until("begun", || gate.begun().contains(&2));
    let last = (3..50_u32).fold(0, |_, size| store.put("/shop/size", size.to_string()));
    // The store goes on to be heard of.
    sleep(Duration::from_millis(300));
    let status = settings.status();
    assert!(status.age < Duration::from_millis(250), "{status}");
    assert!(status.resources[0].building_since.is_some() && status.state.is_watching());
    assert_eq!((*pool.load(), settings.load().size, status.refused_since), (1, 1, None));
    // Another configuration of the same store is changed meanwhile.
    let other = Shop::watch(&store).unwrap();
    assert_eq!(other.load().size, 49);
    gate.let_go(2);
    settings.wait_for_revision(last, SOON).unwrap();
    assert_eq!((*pool.load(), settings.load().size), (49, 49));
    assert_eq!(gate.begun(), [1, 2, 49]);
}

#[test]
fn an_end_does_not_wait_for_builds_and_nothing_is_in_force_after_it() {
    let (store, gate) = (MemoryStore::new(), Gate::default());
    let settings = Shop::watch(&store).unwrap();
    let pool = gate.pool(&settings, SOON);
    gate.hold([2]);
    store.put("/shop/size", "2");
    until("begun", || gate.begun().contains(&2));
    let before = Instant::now();
    settings.close(SOON).unwrap();
    assert!(before.elapsed() < Duration::from_secs(5));
    gate.let_all_go();
    sleep(Duration::from_millis(50));
    assert_eq!((*pool.load(), settings.load().size), (1, 1));
}

#[test]
fn one_that_is_entered_while_an_update_is_under_way_is_built_for_it() {
    let (store, gate) = (MemoryStore::new(), Gate::default());
    let settings = Shop::watch(&store).unwrap();
    let slow = gate.pool(&settings, SOON);
    gate.hold([2]);
    let revision = store.put("/shop/size", "2");
    until("begun", || gate.begun().contains(&2));
    let entered = settings.resource(|s| &s.size, |size| Ok::<_, String>(*size)).unwrap();
    assert_eq!(*entered.load(), 1);
    gate.let_go(2);
    settings.wait_for_revision(revision, SOON).unwrap();
    assert_eq!((*slow.load(), *entered.load(), settings.load().size), (2, 2, 2));
}

#[test]
fn one_whose_values_change_while_it_is_made_first_is_made_again() {
    let (store, gate) = (MemoryStore::new(), Gate::default());
    let settings = Shop::watch(&store).unwrap();
    gate.hold([1]);
    let making = {
        let (settings, gate) = (settings.clone(), gate.clone());
        std::thread::spawn(move || gate.pool(&settings, SOON))
    };
    until("begun", || gate.begun() == [1]);
    let revision = store.put("/shop/size", "2");
    settings.wait_for_revision(revision, SOON).unwrap();
    gate.let_go(1);
    let pool = making.join().unwrap();
    assert_eq!((*pool.load(), gate.begun()), (2, vec![1, 2]));
}

#[test]
fn the_first_has_its_limit_too() {
    let (store, gate) = (MemoryStore::new(), Gate::default());
    let settings = Shop::watch(&store).unwrap();
    gate.hold([1]);
    let held = gate.clone();
    let build = move |size: &u32| {
        held.pass(*size);
        Ok::<_, String>(*size)
    };
    let error = settings.building().limit(LIMIT).resource(|s| &s.size, build).unwrap_err();
    assert_eq!(error.problems()[0].to_string(), "/shop resource u32: has not returned within 200ms");
    gate.let_all_go();
}
