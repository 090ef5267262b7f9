//! Loading and following.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_config::EtcdConfig;
use etcd_config_tests::until;

use super::stores::{Any, SOON, for_each_store};

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/service")]
pub(crate) struct Service {
    #[etcd(default = "info")]
    pub(crate) level: String,
    #[etcd(default = 8, validate = at_least_one)]
    pub(crate) workers: u32,
    #[etcd(nested)]
    pub(crate) database: Database,
    #[etcd(map)]
    pub(crate) features: HashMap<String, bool>,
    #[etcd(nested)]
    pub(crate) upstreams: HashMap<String, Upstream>,
}

#[derive(EtcdConfig, Debug, PartialEq)]
pub(crate) struct Database {
    pub(crate) url: String,
}

#[derive(EtcdConfig, Debug, PartialEq)]
pub(crate) struct Upstream {
    addr: String,
    #[etcd(default = 1)]
    weight: u8,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what a check is called with")]
fn at_least_one(value: &u32) -> Result<(), String> {
    if *value >= 1 { Ok(()) } else { Err("must be at least 1".to_owned()) }
}

pub(crate) fn fill(any: &Any) {
    any.put("/service/database/url", "pg://db");
    any.put("/service/features/beta", "true");
    any.put("/service/features/gamma", "false");
    any.put("/service/upstreams/visa/addr", "10.0.0.7:443");
}

#[test]
fn what_is_stored_is_loaded_and_the_rest_is_the_default() {
    for_each_store(|any| {
        fill(any);
        let revision = any.put("/service/level", "ü \n\"warn\"");
        any.put("/serviceother", "not ours");
        let settings = Service::watch(&any.store).unwrap();
        let loaded = settings.load();
        assert_eq!((loaded.level.as_str(), loaded.workers), ("ü \n\"warn\"", 8), "{}", any.name);
        assert_eq!(loaded.features.len(), 2);
        assert_eq!(
            (loaded.upstreams["visa"].addr.as_str(), loaded.upstreams["visa"].weight),
            ("10.0.0.7:443", 1)
        );
        assert!(loaded.revision() >= revision, "{}", any.name);
        assert_eq!(Service::load_once(&any.store).unwrap(), *loaded);
    });
}

#[test]
fn a_prefix_with_nothing_in_it_is_all_defaults_until_something_is() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/not/there/yet")]
    struct Optional {
        #[etcd(default = 7)]
        number: u32,
    }
    for_each_store(|any| {
        let settings = Optional::watch(&any.store).unwrap();
        assert_eq!(settings.load().number, 7, "{}", any.name);
        any.put("/not/there/yet/number", "8");
        settings.wait_until(|it| it.number == 8, SOON).unwrap();
        any.delete("/not/there/yet/number");
        settings.wait_until(|it| it.number == 7, SOON).unwrap();
    });
}

#[test]
fn changes_arrive_once_and_in_order() {
    for_each_store(|any| {
        fill(any);
        let settings = Service::watch(&any.store).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let levels = seen.clone();
        settings.on(|it| &it.level, move |old, new| levels.lock().unwrap().push((old.clone(), new.clone())));
        let mut last = 0;
        for n in 0..50 {
            last = any.put("/service/level", &n.to_string());
        }
        settings.wait_for_revision(last, SOON).unwrap();
        assert_eq!(
            (settings.load().level.as_str(), settings.load().revision()),
            ("49", last),
            "{}",
            any.name
        );
        until("the last callback", || seen.lock().unwrap().last().is_some_and(|(_, new)| new == "49"));
        let seen = seen.lock().unwrap();
        assert!(seen.windows(2).all(|pair| pair[0].1 == pair[1].0), "{}: {seen:?}", any.name);
        let numbers: Vec<u32> = seen.iter().map(|(_, new)| new.parse().unwrap()).collect();
        assert!(numbers.is_sorted_by(|one, other| one < other), "{}: {numbers:?}", any.name);
    });
}

#[test]
fn a_bad_update_is_refused_and_the_next_good_one_taken() {
    for_each_store(|any| {
        fill(any);
        let settings = Service::watch(&any.store).unwrap();
        let refused = Arc::new(Mutex::new(Vec::new()));
        let revisions = refused.clone();
        settings.on_rejected(move |rejection| revisions.lock().unwrap().push(rejection.revision()));
        let bad = any.put("/service/workers", "0");
        until("a rejection", || !refused.lock().unwrap().is_empty());
        assert_eq!(*refused.lock().unwrap(), [bad], "{}", any.name);
        assert_eq!(settings.load().workers, 8);
        let good = any.put("/service/workers", "3");
        settings.wait_for_revision(good, SOON).unwrap();
        assert_eq!(settings.load().workers, 3, "{}", any.name);
    });
}

#[test]
fn a_deleted_directory_takes_all_its_keys_along_at_once() {
    for_each_store(|any| {
        fill(any);
        let settings = Service::watch(&any.store).unwrap();
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let seen = sizes.clone();
        settings.on(|it| &it.features, move |_, new| seen.lock().unwrap().push(new.len()));
        let gone = any.delete_directory("/service/features", &["beta", "gamma"]);
        settings.wait_for_revision(gone, SOON).unwrap();
        assert!(settings.load().features.is_empty(), "{}", any.name);
        let gone = any.delete_directory("/service/upstreams", &["visa/addr"]);
        settings.wait_for_revision(gone, SOON).unwrap();
        assert!(settings.load().upstreams.is_empty(), "{}", any.name);
        until("the callback", || !sizes.lock().unwrap().is_empty());
        assert_eq!(*sizes.lock().unwrap(), [0], "{}", any.name);
    });
}

#[test]
fn a_commit_key_makes_an_edit_of_several_keys_visible_at_once() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/edited", commit_key = "version")]
    struct Edited {
        #[etcd(default = 0)]
        one: u32,
        #[etcd(default = 0)]
        two: u32,
        #[etcd(default = 0, key = "version")]
        _version: u32,
    }
    for_each_store(|any| {
        let settings = Edited::watch(&any.store).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let changes = seen.clone();
        settings
            .on_change(move |change| changes.lock().unwrap().push((change.after().one, change.after().two)));
        let one = any.put("/edited/one", "1");
        assert!(settings.wait_for_revision(one, Duration::from_millis(100)).unwrap_err().is_timeout());
        any.put("/edited/two", "2");
        let committed = any.put("/edited/version", "1");
        settings.wait_for_revision(committed, SOON).unwrap();
        assert_eq!((settings.load().one, settings.load().two), (1, 2), "{}", any.name);
        until("the callback", || !seen.lock().unwrap().is_empty());
        assert_eq!(*seen.lock().unwrap(), [(1, 2)], "{}", any.name);
        // Written again with the same value it commits, too.
        any.put("/edited/two", "3");
        let committed = any.put("/edited/version", "1");
        settings.wait_for_revision(committed, SOON).unwrap();
        assert_eq!(settings.load().two, 3, "{}", any.name);
    });
}
