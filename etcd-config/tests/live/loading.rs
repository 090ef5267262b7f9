//! The first snapshot: there in one call, or an error that says everything.

use std::time::{Duration, Instant};

use etcd_client_core::{Error, Kind, v2};
use etcd_config::{EtcdConfig, MemoryStore, ProblemKind};

use crate::service::{SOON, Service, runtime, store, watch};

#[test]
fn is_there_when_watch_returns() {
    let settings = watch(&store());
    assert_eq!(settings.load().level, "info");
    assert_eq!(settings.load().database.url, "pg://db");
    assert_eq!(settings.load().revision(), 2);
}

#[test]
fn works_inside_a_runtime_of_one_thread_that_is_blocked_meanwhile() {
    let store = store();
    runtime().block_on(async {
        let settings = watch(&store);
        store.put("/service/level", "debug");
        settings.wait_until(|s| s.level == "debug", SOON).unwrap();
    });
}

#[test]
fn works_inside_a_runtime_of_many_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let settings = watch(&store());
        assert_eq!(settings.load().workers, 8);
    });
}

#[test]
fn outlives_the_runtime_that_it_was_loaded_in() {
    let store = store();
    let settings = runtime().block_on(async { watch(&store) });
    store.put("/service/workers", "9");
    settings.wait_until(|s| s.workers == 9, SOON).unwrap();
}

#[test]
fn is_awaited_on_the_callers_runtime() {
    runtime().block_on(async {
        let store = store();
        let settings = Service::watch_async(&store).await.unwrap();
        store.put("/service/level", "debug");
        settings.wait_until_async(|s| s.level == "debug", SOON).await.unwrap();
    });
}

#[test]
fn without_a_runtime_the_asynchronous_call_says_so() {
    let mut future = Box::pin(Service::watch_async(store()));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(answer) = future.as_mut().poll(&mut context) else {
        panic!("an answer at once")
    };
    assert!(answer.unwrap_err().to_string().contains("no tokio runtime"));
}

#[test]
fn can_be_had_once_without_watching() {
    assert_eq!(Service::load_once(store()).unwrap().workers, 8);
    let service = runtime().block_on(Service::options().load_once_async(store())).unwrap();
    assert_eq!(service.database.pool_size, 10);
}

#[test]
fn every_problem_is_found_at_once() {
    let store = MemoryStore::from([("/service/workers", "many"), ("/service/database/pool_size", "0")]);
    let error = Service::watch(&store).unwrap_err();
    assert!(error.is_invalid());
    let kinds: Vec<_> = error.problems().iter().map(|problem| (problem.key(), problem.kind())).collect();
    assert_eq!(
        kinds,
        [
            ("/service/workers", ProblemKind::Undecodable),
            ("/service/database/url", ProblemKind::Missing),
            ("/service/database/pool_size", ProblemKind::Refused),
        ]
    );
    let text = error.to_string();
    assert!(text.starts_with("3 problems in Service from /service at revision 3"), "{text}");
}

#[test]
fn a_misspelt_key_is_named_where_the_key_itself_is_missing() {
    let error = Service::watch(MemoryStore::from([("/service/databse/url", "pg://db")])).unwrap_err();
    let text = error.to_string();
    let expected = "there is no such key; is it /service/databse/url, which no field reads?";
    assert!(text.contains(expected), "{text}");
    assert_eq!(error.problems().len(), 1);

    let store = store();
    let settings = watch(&store);
    let renamed =
        store.transaction().delete("/service/database/url").put("/service/database/ulr", "x").commit();
    let error = settings.wait_for_revision(renamed, SOON).unwrap_err();
    assert!(error.to_string().contains("is it /service/database/ulr, which"), "{error}");
}

#[test]
fn the_other_keys_that_no_field_reads_are_named_at_once() {
    let mut keys = vec![
        ("/service/database_url".to_owned(), "pg://db"),
        ("/service/levle".to_owned(), "debug"),
        ("/service/workers".to_owned(), "9"),
        ("/service/workers/max".to_owned(), "9"),
    ];
    let load = |keys: &[(String, &str)]| {
        let store: MemoryStore = keys.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        Service::watch(store).map(drop).unwrap_err().to_string()
    };
    assert_eq!(
        load(&keys),
        "1 problem in Service from /service at revision 5\n  \
         /service/database/url database.url: String    required, but there is no such key; is it \
         /service/database_url, which no field reads?\n  \
         besides, no field reads:\n    \
         /service/levle: unknown key; did you mean level?\n    \
         /service/workers/max: below a key: workers is the value of workers: u32, not a directory"
    );
    keys.extend((0..500).map(|n| (format!("/service/zzz/{n:03}"), "x")));
    let many = load(&keys);
    assert_eq!(many.lines().count(), 14, "{many}");
    assert!(many.ends_with("\n    ... and 492 more"), "{many}");
    // A start that goes well has them in its status.
    keys.push(("/service/database/url".to_owned(), "pg://db"));
    let store: MemoryStore = keys.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    assert_eq!(Service::watch(store).unwrap().status().warnings.len(), 101);
}

#[test]
fn intervals_of_nothing_are_refused_and_those_of_any_length_are_not() {
    for options in [
        Service::options().progress_interval(Duration::ZERO),
        Service::options().audit_interval(Duration::ZERO),
    ] {
        let error = options.watch(store()).unwrap_err();
        assert!(error.is_invalid_option() && error.to_string().contains("interval is zero"), "{error}");
    }
    let error = Service::options().startup_timeout(Duration::ZERO).watch(store()).unwrap_err();
    assert!(error.is_invalid_option(), "{error}");
    assert_eq!(error.to_string(), "startup_timeout is zero: no store could answer in time");
    let endless = Service::options()
        .progress_interval(Duration::MAX)
        .audit_interval(Duration::MAX)
        .startup_timeout(Duration::MAX)
        .debounce(Duration::ZERO);
    let store = store();
    let settings = endless.watch(&store).unwrap();
    settings.wait_for_revision(store.put("/service/workers", "9"), SOON).unwrap();
    store.cut();
    settings.wait_for_revision(store.put("/service/workers", "10"), SOON).unwrap();
    assert_eq!(settings.load().workers, 10);
}

#[test]
fn a_store_that_refuses_is_tried_until_the_limit() {
    let store = store();
    store.refuse(true);
    let before = Instant::now();
    let limit = Duration::from_millis(300);
    let error = Service::options().startup_timeout(limit).watch(&store).unwrap_err();
    assert!(before.elapsed() >= limit && before.elapsed() < Duration::from_secs(5));
    assert!(error.is_timeout());
    assert!(error.to_string().contains("connection refused"), "{error}");
}

#[test]
fn a_store_that_answers_within_the_limit_is_waited_for() {
    let store = store();
    store.refuse(true);
    let server = std::thread::spawn({
        let store = store.clone();
        move || {
            std::thread::sleep(Duration::from_millis(200));
            store.refuse(false);
        }
    });
    assert_eq!(watch(&store).load().level, "info");
    server.join().unwrap();
}

#[test]
fn what_waiting_does_not_cure_is_not_waited_for() {
    for kind in [Kind::Unauthenticated, Kind::PermissionDenied, Kind::InvalidRequest] {
        let store = store();
        store.refuse_with(Some(Error::new(kind, "no")));
        let before = Instant::now();
        let error = Service::watch(&store).unwrap_err();
        assert_eq!(error.store().map(Error::kind), Some(kind));
        assert!(before.elapsed() < Duration::from_secs(5));
        let text = error.to_string();
        assert!(text.starts_with("Service cannot be read from /service: no"), "{text}");
        let way_out = text.contains("grant the user a role that may read all of /service/");
        assert_eq!(way_out, kind == Kind::PermissionDenied, "{text}");
    }
}

/// What `fn main() -> Result<(), Error>` prints.
#[test]
fn an_error_of_main_says_nothing_twice() {
    let client = v2::Client::builder().endpoints(["http://127.0.0.1:1"]).max_retries(0).build().unwrap();
    let error = Service::options().startup_timeout(Duration::from_millis(200)).watch(client).unwrap_err();
    assert!(std::error::Error::source(&error).is_some());
    assert_eq!(format!("{error:?}"), error.to_string());
}

#[test]
fn is_read_from_another_directory_on_demand() {
    let store = MemoryStore::from([("/canary/service/database/url", "pg://canary")]);
    let settings = Service::options().prefix("/{stage}/service").placeholder("stage", "canary");
    assert_eq!(settings.watch(&store).unwrap().load().database.url, "pg://canary");
}

#[test]
fn needs_a_directory_from_somewhere() {
    #[derive(EtcdConfig)]
    struct Nowhere {
        #[etcd(default = 1)]
        _one: u32,
    }
    let error = Nowhere::watch(MemoryStore::new()).unwrap_err();
    assert!(error.is_invalid_option());
    assert!(error.to_string().starts_with("Nowhere has no prefix: write #[etcd(prefix"), "{error}");
    assert!(Nowhere::options().prefix("/anywhere").watch(MemoryStore::new()).is_ok());
}

#[test]
fn a_panic_in_a_check_is_a_problem_and_nothing_worse() {
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/fragile")]
    struct Fragile {
        #[etcd(default = 1, validate = explode)]
        number: u32,
    }
    #[allow(clippy::trivially_copy_pass_by_ref, clippy::unnecessary_wraps)] // What a check is.
    fn explode(value: &u32) -> Result<(), String> {
        assert!(*value != 13, "thirteen");
        Ok(())
    }
    let store = MemoryStore::new();
    let settings = Fragile::watch(&store).unwrap();
    let revision = store.put("/fragile/number", "13");
    let error = settings.wait_for_revision(revision, SOON).unwrap_err();
    assert!(error.to_string().contains("panicked: thirteen"), "{error}");
    store.put("/fragile/number", "14");
    settings.wait_until(|fragile| fragile.number == 14, SOON).unwrap();
    store.put("/fragile/number", "13");
    assert!(Fragile::watch(&store).unwrap_err().is_invalid());
}

#[test]
fn a_type_that_panics_without_a_text_is_read_from_one() {
    #[derive(Debug)]
    struct Rash(String);

    impl<'de> serde::Deserialize<'de> for Rash {
        fn deserialize<D: serde::Deserializer<'de>>(text: D) -> Result<Self, D::Error> {
            Ok(Self(String::deserialize(text).expect("a text")))
        }
    }
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/rash")]
    struct Settings {
        name: Rash,
    }
    let settings = Settings::watch(MemoryStore::from([("/rash/name", "one")])).unwrap();
    assert_eq!(settings.load().name.0, "one");
    let error = Settings::watch(MemoryStore::new()).unwrap_err();
    assert_eq!(error.problems()[0].kind(), ProblemKind::Missing);
}

#[test]
fn a_panic_does_not_tell_a_secret() {
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/fragile")]
    struct Fragile {
        #[etcd(secret, validate = explode)]
        _token: String,
    }
    #[allow(clippy::ptr_arg)] // What a check is called with.
    fn explode(token: &String) -> Result<(), String> {
        panic!("what is {}?", &token[..7])
    }
    let error = Fragile::watch(MemoryStore::from([("/fragile/_token", "hunter2-1")])).unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("panicked"), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
