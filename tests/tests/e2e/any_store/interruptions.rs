//! Connections that are lost, servers that fall silent, histories that are forgotten or replaced.

use std::time::Duration;

use etcd_config::{EtcdConfig, Live};
use etcd_config_tests::until;

use super::stores::{Any, SOON, for_each_store};
use super::updates::{Service, fill};

/// A configuration that asks for signs of life often, so that silence is noticed soon.
fn attentive(any: &Any) -> Live<Service> {
    fill(any);
    let settings = Service::options().progress_interval(Duration::from_secs(1)).watch(&any.store).unwrap();
    until("watching", || settings.status().state.is_watching());
    settings
}

#[test]
fn a_lost_connection_loses_nothing() {
    for_each_store(|any| {
        let settings = attentive(any);
        for n in 0..10 {
            any.cut();
            let revision = any.put("/service/level", &n.to_string());
            settings.wait_for_revision(revision, SOON).unwrap();
            assert_eq!(settings.load().level, n.to_string(), "{}", any.name);
        }
    });
}

#[test]
fn what_changes_during_an_outage_is_there_behind_it() {
    for_each_store(|any| {
        let settings = attentive(any);
        any.part();
        until("the outage", || !settings.status().state.is_watching());
        any.put("/service/level", "debug");
        any.delete("/service/features/beta");
        let last = any.put("/service/workers", "3");
        assert_eq!((settings.load().level.as_str(), settings.load().workers), ("info", 8), "{}", any.name);
        any.join();
        settings.wait_for_revision(last, SOON).unwrap();
        let now = settings.load();
        assert_eq!((now.level.as_str(), now.workers, now.features.len()), ("debug", 3, 1), "{}", any.name);
    });
}

#[test]
fn a_history_that_was_forgotten_meanwhile_does_not_matter() {
    for_each_store(|any| {
        let settings = attentive(any);
        any.part();
        until("the outage", || !settings.status().state.is_watching());
        any.put("/service/level", "debug");
        any.delete_directory("/service/features", &["beta", "gamma"]);
        any.forget();
        any.join();
        settings.wait_until(|it| it.level == "debug" && it.features.is_empty(), SOON).unwrap();
        let revision = any.put("/service/level", "trace");
        settings.wait_for_revision(revision, SOON).unwrap();
        assert_eq!(settings.load().level, "trace", "{}", any.name);
    });
}

#[test]
fn changes_elsewhere_do_not_make_a_watch_fall_out_of_the_history() {
    for_each_store(|any| {
        let settings = attentive(any);
        for n in 0..1_800 {
            if n % 600 == 0 {
                std::thread::sleep(Duration::from_millis(2_500));
            }
            any.put("/elsewhere", &n.to_string());
        }
        let revision = any.put("/service/level", "debug");
        settings.wait_for_revision(revision, SOON).unwrap();
        assert_eq!(settings.load().level, "debug", "{}", any.name);
        assert_eq!(settings.status().counters.lists, 1, "{}", any.name);
    });
}

#[test]
fn silence_is_noticed_and_nothing_is_lost_by_it() {
    for_each_store(|any| {
        let settings = attentive(any);
        any.silence(true);
        until("the silence", || !settings.status().state.is_watching());
        let revision = any.put("/service/level", "debug");
        any.silence(false);
        settings.wait_for_revision(revision, SOON).unwrap();
        assert_eq!(settings.load().level, "debug", "{}", any.name);
    });
}

#[test]
fn a_store_that_was_replaced_is_followed_and_the_rewind_is_counted() {
    for_each_store(|any| {
        let settings = attentive(any);
        for n in 0..30 {
            any.put("/service/level", &n.to_string());
        }
        settings.wait_until(|it| it.level == "29", SOON).unwrap();
        any.part();
        any.wipe();
        fill(any);
        any.put("/service/level", "new");
        any.join();
        settings.wait_until(|it| it.level == "new", SOON).unwrap();
        assert_eq!(settings.status().counters.rewinds, 1, "{}", any.name);
        let revision = any.put("/service/level", "newer");
        settings.wait_for_revision(revision, SOON).unwrap();
        assert_eq!(settings.load().level, "newer", "{}", any.name);
    });
}
