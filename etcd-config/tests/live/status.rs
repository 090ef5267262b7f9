//! What an operator reads.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_client_core::{Error, Kind, Transaction, v3};
use etcd_config::{EtcdConfig, Live, MemoryStore, ProblemKind, Source, State, Status};
use etcd_config_tests::until_found;

use crate::service::{SOON, Service, store, watch};

fn until_status(settings: &Live<Service>, wanted: impl Fn(&Status) -> bool) -> Status {
    let look = || Some(settings.status()).filter(&wanted);
    until_found(SOON, look, || settings.status().to_string())
}

#[test]
fn says_that_all_is_well() {
    let store = store();
    let settings = watch(&store);
    let status = until_status(&settings, |status| status.state.is_watching());
    assert_eq!((status.source, status.endpoint.as_deref()), (Source::Etcd, Some("memory")));
    assert_eq!((status.name, status.prefix.as_str()), ("Service", "/service"));
    // How long ago something was depends on how busy the machine is.
    let text = status.to_string().replace(|character: char| character.is_ascii_digit(), "0");
    let expected = "Service from /service: watching for 0.0s, at memory\n  \
                    snapshot at revision 0, from etcd; proven current 0.0s ago, up to revision 0";
    assert_eq!(text, expected);
}

#[test]
fn says_since_when_the_store_is_gone_and_why_and_that_it_is_back() {
    let store = store();
    let settings = watch(&store);
    until_status(&settings, |status| status.state.is_watching());
    store.refuse(true);
    store.cut();
    let gone = until_status(&settings, |status| matches!(status.state, State::Disconnected(_)));
    assert!(gone.to_string().contains("disconnected for"), "{gone}");
    assert!(gone.state.error().unwrap().to_string().contains("memory"), "{gone}");
    // It is tried again meanwhile, which is no news to an operator.
    std::thread::sleep(Duration::from_millis(300));
    let later = settings.status();
    assert!(matches!(later.state, State::Disconnected(_)), "{later}");
    assert!(later.since <= gone.since + Duration::from_millis(1));
    assert!(later.age > Duration::from_millis(250));
    assert_eq!(settings.load().workers, 8);
    store.refuse(false);
    let back = until_status(&settings, |status| status.state.is_watching());
    assert!(back.counters.losses >= 1);
}

/// What callbacks hear of the status, in a word each.
fn heard(settings: &Live<Service>) -> Arc<Mutex<Vec<String>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    settings.on_status({
        let heard = Arc::clone(&heard);
        move |status| {
            let rewind = status.last_rewind.map(|rewind| format!(" after {} at {}", rewind.seen, rewind.now));
            let rejected = if status.refused_since.is_some() { " rejected" } else { "" };
            heard.lock().unwrap().push(format!("{}{rejected}{}", status.state, rewind.unwrap_or_default()));
        }
    });
    heard
}

fn until_heard(heard: &Mutex<Vec<String>>, last: &str) -> Vec<String> {
    let look =
        || Some(heard.lock().unwrap().clone()).filter(|words| words.last().is_some_and(|word| word == last));
    until_found(SOON, look, || format!("{last} at the end of {:?}", heard.lock().unwrap()))
}

#[test]
fn tells_callbacks_when_the_state_becomes_another_and_not_at_each_try() {
    let store = store();
    let settings = watch(&store);
    until_status(&settings, |status| status.state.is_watching());
    let heard = heard(&settings);
    store.refuse(true);
    store.cut();
    until_heard(&heard, "disconnected");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(*heard.lock().unwrap(), ["disconnected"]);
    store.refuse(false);
    until_heard(&heard, "watching");
    store.put("/service/workers", "few");
    until_heard(&heard, "watching rejected");
    store.put("/service/workers", "9");
    let all = until_heard(&heard, "watching");
    assert_eq!(all, ["disconnected", "watching", "watching rejected", "watching"]);
}

#[test]
fn tells_callbacks_of_a_rewind_and_of_another_cluster() {
    let store = store();
    let settings = watch(&store);
    until_status(&settings, |status| status.state.is_watching());
    let seen = store.put("/service/workers", "9");
    settings.wait_for_revision(seen, SOON).unwrap();
    let words = heard(&settings);
    store.rewind(seen - 1);
    until_heard(&words, &format!("watching after {seen} at {}", seen - 1));
    let status = settings.status();
    assert!(!status.last_rewind.unwrap().cluster_changed);
    let text = format!("went back to revision {} from {seen}, ", seen - 1);
    assert!(status.to_string().contains(&text), "{status}");

    store.wipe(true);
    until_status(&settings, |status| status.last_rewind.is_some_and(|rewind| rewind.cluster_changed));
    let status = settings.status();
    assert!(status.to_string().contains("warning: another cluster answers"), "{status}");
    assert_eq!(status.counters.rewinds, 2);
}

#[test]
fn tells_a_refused_user_from_a_lost_connection() {
    for (kind, wanted) in [
        (Kind::Unauthenticated, "authentication failed"),
        (Kind::PermissionDenied, "permission denied"),
        (Kind::NoLeader, "no quorum"),
    ] {
        let store = store();
        let settings = watch(&store);
        // A stream that is being opened is not cut.
        until_status(&settings, |status| status.state.is_watching());
        store.refuse_with(Some(Error::new(kind, "not so")));
        store.cut();
        until_status(&settings, |status| status.state.to_string() == wanted);
    }
}

#[test]
fn shows_each_endpoint_below_what_they_have_in_common() {
    let client = v3::Client::builder().endpoints(["http://127.0.0.1:1"]).max_retries(0).build().unwrap();
    let (folder, store) = (tempfile::tempdir().unwrap(), store());
    let options = || Service::options().cache_file(folder.path().join("cache"));
    options().load_once(&store).unwrap();
    let settings = options().startup_timeout(Duration::from_millis(200)).watch(client).unwrap();
    let status = settings.status().to_string();
    assert!(
        status.contains("\n  the etcd endpoint could not be used:\n    http://127.0.0.1:1: "),
        "{status}"
    );
}

#[test]
fn shows_the_refused_update_until_it_is_corrected() {
    let store = store();
    let settings = watch(&store);
    until_status(&settings, |status| status.state.is_watching());
    store.put("/service/workers", "few");
    let rejected =
        until_status(&settings, |status| status.state.is_watching() && status.refused_since.is_some());
    assert_eq!((rejected.revision, rejected.snapshot_revision), (3, 2));
    let text = rejected.to_string();
    assert!(
        text.contains("rejected") && text.contains("\"few\"") && text.contains("stays in force"),
        "{text}"
    );
    settings.wait_for_revision(store.put("/service/workers", "4"), SOON).unwrap();
    let well = settings.status();
    assert!(well.is_current() && well.last_rejection.is_some());
    assert!(!well.to_string().contains("few"), "{well}");
}

#[test]
fn warns_of_keys_that_no_field_reads_as_long_as_they_are_there() {
    let store = store();
    store.put("/service/databse/url", "pg://typo");
    let settings = watch(&store);
    assert_eq!(settings.status().warnings.len(), 1, "{}", settings.status());
    settings.wait_for_revision(store.put("/service/levle", "debug"), SOON).unwrap();
    assert_eq!(settings.status().warnings.len(), 2);
    let gone = store.transaction().delete("/service/levle").delete("/service/databse/url").commit();
    settings.wait_for_revision(gone, SOON).unwrap();
    assert!(settings.status().warnings.is_empty(), "{}", settings.status());
}

#[test]
fn counts_such_keys_where_there_are_many_and_as_long_as_they_are_there() {
    let store = store();
    let settings = watch(&store);
    let keys = || (0..150).map(|n| format!("/service/unknown/{n}"));
    let come = keys().fold(store.transaction(), |all, key| all.put(key, "1")).commit();
    settings.wait_for_revision(come, SOON).unwrap();
    let status = settings.status();
    assert_eq!(status.warnings.len(), 101);
    assert!(
        status.to_string().contains("further odd keys, which are not described one by one: 50"),
        "{status}"
    );
    // Who was only counted is named as soon as there is room.
    let named = status.warnings.iter().take(100);
    let named = named.fold(store.transaction(), |all, warning| all.delete(warning.key())).commit();
    settings.wait_for_revision(named, SOON).unwrap();
    let left = settings.status().warnings;
    assert!(left.len() == 50 && left.iter().all(|warning| warning.key().starts_with("/service/unknown/")));
    let gone = keys().fold(store.transaction(), Transaction::delete).commit();
    settings.wait_for_revision(gone, SOON).unwrap();
    assert!(settings.status().warnings.is_empty(), "{}", settings.status());
}

#[test]
fn warns_of_such_keys_while_an_update_is_refused_too() {
    let store = store();
    let settings = watch(&store);
    let refused = store.transaction().put("/service/workers", "few").put("/service/levle", "debug").commit();
    settings.wait_for_revision(refused, SOON).unwrap_err();
    let status = settings.status();
    assert!(status.warnings.iter().any(|warning| warning.key() == "/service/levle"), "{status}");
}

#[test]
fn shows_what_waits_for_a_restart() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/pinned")]
    struct Pinned {
        #[etcd(default = 1, restart)]
        port: u16,
        #[etcd(default = 1)]
        live: u16,
    }
    let store = MemoryStore::new();
    let settings = Pinned::watch(&store).unwrap();
    let revision = store.transaction().put("/pinned/port", "2").put("/pinned/live", "2").commit();
    settings.wait_for_revision(revision, SOON).unwrap();
    assert_eq!((settings.load().port, settings.load().live), (1, 2));
    let waiting = &settings.status().pending[0];
    assert_eq!((waiting.key(), waiting.field(), waiting.expected()), ("/pinned/port", "port", "u16"));
    assert_eq!(waiting.value(), Some("2"));
    settings.wait_for_revision(store.delete("/pinned/port"), SOON).unwrap();
    assert!(settings.status().pending.is_empty());
}

#[test]
fn says_that_a_restart_would_not_start_with_what_waits_for_it() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/pinned")]
    struct Pinned {
        #[etcd(default = 1, restart)]
        port: u16,
        #[etcd(restart, nested)]
        inner: Inner,
        #[etcd(default = "hush", restart, secret, validate = short)]
        token: String,
    }
    #[derive(EtcdConfig)]
    struct Inner {
        #[etcd(default = 1)]
        size: u8,
    }
    fn short(token: &String) -> Result<(), String> {
        if token.len() < 6 { Ok(()) } else { Err(format!("{token} is too long")) }
    }
    let store = MemoryStore::new();
    let settings = Pinned::watch(&store).unwrap();
    let (sender, warned) = std::sync::mpsc::channel();
    settings.on_warning(move |warning| sender.send((warning.kind(), warning.key().to_owned())).unwrap());
    let put = |key: &str, value: &str| {
        settings.wait_for_callbacks(store.put(format!("/pinned/{key}"), value), SOON).unwrap();
        settings.status()
    };
    put("port", "x");
    put("inner/size", "300");
    let status = put("token", "much too long");
    let keys = ["/pinned/port", "/pinned/inner", "/pinned/token"];
    let heard: Vec<_> = warned.try_iter().collect();
    assert_eq!(heard, keys.map(|key| (ProblemKind::RestartRefused, key.to_owned())));
    assert_eq!((settings.load().port, settings.load().inner.size, &*settings.load().token), (1, 1, "hush"));
    let waiting = "has changed since the start; a restart would fail: ";
    let lines: Vec<_> = status.pending.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            format!(
                "/pinned/inner: {waiting}/pinned/inner/size inner.size: u8: \"300\" is not a whole number from 0 to 255 \
                 (set at revision 3)"
            ),
            format!("/pinned/port: {waiting}\"x\" is not a whole number from 0 to 65535 (set at revision 2)"),
            format!("/pinned/token: {waiting}(secret) is refused by its check (set at revision 4)"),
        ]
    );
    for problem in &status.pending {
        assert_eq!((problem.kind(), problem.is_harmless()), (ProblemKind::RestartRefused, false));
    }
    let data: Vec<_> = status.pending.iter().map(|p| (p.field(), p.expected(), p.value())).collect();
    assert_eq!(data, [("inner", "Inner", None), ("port", "u16", Some("x")), ("token", "String", None)]);
    assert!(!format!("{status}").contains("much"), "{status}");
    // A start says the same.
    assert_eq!(Pinned::load_once(&store).map(drop).unwrap_err().problems().len(), 3);

    put("port", "2");
    put("token", "new");
    let status = put("inner/size", "3");
    assert!(status.pending.iter().all(|problem| problem.kind() == ProblemKind::Pending), "{status}");
    Pinned::load_once(&store).unwrap();
}

#[test]
fn says_that_nothing_is_followed_when_the_runtime_is_gone() {
    let store = store();
    let runtime = crate::service::runtime();
    let settings = runtime.block_on(Service::watch_async(&store)).unwrap();
    drop(runtime);
    assert!(matches!(settings.status().state, State::Stopped));
    assert!(settings.wait_until(|s| s.workers == 1, SOON).unwrap_err().is_stopped());
    assert_eq!(settings.load().workers, 8);
}

#[test]
fn gives_what_is_awaited_in_vain_a_name() {
    let settings = watch(&store());
    let limit = Duration::from_millis(20);
    let error = settings.wait_until(|s| s.workers == 1, limit).unwrap_err().to_string();
    assert!(error.contains("Service from /service") && error.contains("20ms"), "{error}");
    let error = settings.wait_for_revision(77, limit).unwrap_err().to_string();
    assert!(error.contains("revision 77") && error.contains("known up to 2"), "{error}");
}

#[test]
fn values_that_are_too_old_are_refused_to_those_who_say_so() {
    let store = store();
    let limit = Duration::from_millis(150);
    let settings = Service::options().progress_interval(Duration::from_millis(30)).watch(&store).unwrap();
    until_status(&settings, |status| status.state.is_watching());
    // Signs of life keep them fresh, though nothing changes.
    std::thread::sleep(2 * limit);
    until_status(&settings, |_| settings.require_fresh(limit).is_ok_and(|service| service.workers == 8));

    store.refuse(true);
    store.cut();
    until_status(&settings, |status| matches!(status.state, State::Disconnected(_)));
    let error = until_found(SOON, || settings.require_fresh(limit).err(), || settings.status().to_string());
    assert!(error.is_stale() && !error.is_timeout(), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("Service from /service is from etcd and was last proven current "), "{text}");
    assert!(text.contains("s ago, where at most 150ms is accepted; now disconnected: "), "{text}");
    assert_eq!(settings.load().workers, 8, "for everybody else they stay");
    store.refuse(false);
    until_status(&settings, |_| settings.require_fresh(limit).is_ok());

    // A refused update is known, whether or not it is in force.
    store.put("/service/workers", "many");
    until_status(&settings, |status| status.state.is_watching() && status.refused_since.is_some());
    std::thread::sleep(2 * limit);
    until_status(&settings, |_| settings.require_fresh(limit).is_ok_and(|service| service.workers == 8));
    store.put("/service/workers", "9");
    until_status(&settings, |_| settings.require_fresh(limit).is_ok_and(|service| service.workers == 9));
}

#[test]
fn not_hearing_of_the_store_and_refusing_its_values_are_two_things() {
    let store = store();
    let settings = Service::options().progress_interval(Duration::from_millis(30)).watch(&store).unwrap();
    let well = until_status(&settings, |status| status.state.is_watching());
    assert_eq!((well.refused_since, well.refusal().is_none()), (None, true));
    store.put("/service/workers", "many");
    let refused = until_status(&settings, |status| status.refused_since.is_some());
    assert_eq!(refused.refusal().unwrap().problems()[0].key(), "/service/workers");
    // It goes on being confirmed, and is current no more.
    let later = until_status(&settings, |status| {
        status.confirmed_at > refused.confirmed_at + Duration::from_millis(50)
    });
    assert_eq!(
        (later.proven_current_at, later.refused_since),
        (refused.proven_current_at, refused.refused_since)
    );
    assert!(later.proven_current_at < later.confirmed_at, "{later}");
    assert!(later.to_string().contains("refused for "), "{later}");
    assert!(later.to_string().contains("many"), "{later}");

    // The connection is lost as well: both are said, and each by itself.
    store.refuse(true);
    store.cut();
    let gone = until_status(&settings, |status| matches!(status.state, State::Disconnected(_)));
    assert_eq!((gone.refused_since, gone.refusal().is_some()), (refused.refused_since, true));
    let text = gone.to_string();
    assert!(text.contains(": disconnected for ") && text.contains(", newest values rejected"), "{text}");
    assert!(text.contains("many") && !gone.is_current(), "{text}");
    let error = settings.wait_for_revision(u64::MAX, Duration::from_millis(20)).unwrap_err().to_string();
    assert!(error.contains("now disconnected, newest values rejected"), "{error}");
    let limit = Duration::from_millis(100);
    until_status(&settings, |status| status.age > limit);
    let error = settings.require_fresh(limit).unwrap_err();
    assert!(error.to_string().contains("was last confirmed"), "{error}");
    store.refuse(false);
    until_status(&settings, |_| settings.require_fresh(limit).is_ok());
    assert!(settings.status().refused_since.is_some());

    store.put("/service/workers", "9");
    let well = until_status(&settings, |status| status.refused_since.is_none());
    assert!(well.refusal().is_none() && well.last_rejection.is_some(), "{well}");
}

#[test]
fn tells_callbacks_of_a_refusal_that_is_found_while_no_change_is_received() {
    let store = store();
    let settings = watch(&store);
    until_status(&settings, |status| status.state.is_watching());
    store.refuse(true);
    store.cut();
    until_status(&settings, |status| matches!(status.state, State::Disconnected(_)));
    let heard = heard(&settings);
    store.put("/service/workers", "few");
    store.refuse(false);
    until_heard(&heard, "watching rejected");
    store.refuse(true);
    store.cut();
    until_heard(&heard, "disconnected rejected");
    store.put("/service/workers", "9");
    store.refuse(false);
    let all = until_heard(&heard, "watching");
    assert!(!settings.status().to_string().contains("rejected"), "{}", settings.status());
    assert!(all.contains(&"disconnected rejected".to_owned()), "{all:?}");
}
