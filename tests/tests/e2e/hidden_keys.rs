//! Keys with names that begin with `_`, which etcd's v2 API hides from listings and live watches.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_client_core::v2::Client;
use etcd_client_core::{Kind, Prefix, Signal, Store};
use etcd_config::{EtcdConfig, Live, Options};
use etcd_config_tests::{Reply, SOON, Scripted, Server, block_on, log, servers, soon, until_live};

#[derive(Clone, Debug, PartialEq, EtcdConfig)]
#[etcd(prefix = "/app")]
struct Service {
    name: String,
    #[etcd(key = "_token")]
    token: String,
    #[etcd(key = "_old_region", alias = "_region")]
    region: Option<String>,
    #[etcd(key = "db/_credentials", nested)]
    credentials: Credentials,
    #[etcd(key = "_limits", map)]
    limits: HashMap<String, u32>,
    #[etcd(nested)]
    pools: HashMap<String, Pool>,
}

#[derive(Clone, Debug, PartialEq, EtcdConfig)]
struct Credentials {
    user: String,
    #[etcd(key = "_deep/password")]
    password: String,
}

#[derive(Clone, Debug, PartialEq, EtcdConfig)]
struct Pool {
    #[etcd(default = 1)]
    size: u32,
    #[etcd(key = "_note")]
    note: Option<String>,
}

struct Scene {
    _server: Server,
    client: Client,
}

impl Scene {
    fn put(&self, key: &str, value: &str) {
        block_on(self.client.set(format!("/app/{key}"), value).into_future()).expect("set");
    }

    fn delete(&self, key: &str) {
        block_on(self.client.delete(format!("/app/{key}")).recursive(true).into_future()).expect("deleted");
    }
}

/// With a server of each line that holds all that is required.
fn on_each_line(case: impl Fn(&Scene)) {
    for etcd in servers::with_v2() {
        let server = Server::builder().etcd(etcd).v2().start();
        let client = Client::new([server.endpoint()]).expect("a client");
        let scene = Scene { _server: server, client };
        for (key, value) in [
            ("name", "1"),
            ("_token", "1"),
            ("db/_credentials/user", "1"),
            ("db/_credentials/_deep/password", "1"),
            ("_limits/a", "1"),
            ("pools/a/size", "1"),
            ("pools/a/_note", "unread"),
            ("_unread", "1"),
        ] {
            scene.put(key, value);
        }
        case(&scene);
    }
}

fn until(live: &Live<Service>, is: impl Fn(&Service) -> bool) {
    until_live(live, SOON, "as wanted", |live| is(&live.load()));
}

fn options() -> Options<Service> {
    Service::options().audit_interval(None)
}

#[test]
fn what_a_field_names_is_read_and_followed() {
    on_each_line(|scene| {
        let live = options().watch(&scene.client).expect("a first snapshot");
        let first = live.load();
        assert_eq!((&*first.token, &*first.credentials.user, &*first.credentials.password), ("1", "1", "1"));
        assert_eq!((first.limits["a"], first.region.as_deref()), (1, None));
        assert_eq!(first.pools["a"], Pool { size: 1, note: None });
        drop(first);
        scene.put("_token", "2");
        until(&live, |now| now.token == "2");
        scene.put("db/_credentials/_deep/password", "2");
        until(&live, |now| now.credentials.password == "2");
        scene.put("_region", "north");
        until(&live, |now| now.region.as_deref() == Some("north"));
        scene.put("_limits/b", "2");
        scene.put("name", "2");
        until(&live, |now| now.name == "2" && now.limits.len() == 2);
        scene.delete("_limits");
        until(&live, |now| now.limits.is_empty());
        scene.delete("_region");
        until(&live, |now| now.region.is_none());
        assert_eq!(live.load().token, "2");
        assert_eq!(live.status().counters.repairs, 0, "{}", live.status());
    });
}

/// What is written first is never seen later than what is written after it.
#[test]
fn hidden_keys_and_others_are_shown_as_they_were_together() {
    on_each_line(|scene| {
        let seen: Arc<Mutex<Vec<(u32, u32)>>> = Arc::default();
        let live = options().watch(&scene.client).expect("a first snapshot");
        let noted = Arc::clone(&seen);
        let _subscription = live.on_change(move |change| {
            let new = change.after();
            noted.lock().unwrap().push((new.token.parse().unwrap(), new.name.parse().unwrap()));
        });
        let rounds = 80;
        for n in 2..rounds {
            scene.put("_token", &n.to_string());
            scene.put("name", &n.to_string());
            std::thread::sleep(Duration::from_millis(50));
        }
        until(&live, |now| now.name == (rounds - 1).to_string());
        // The token is written first.
        let seen = seen.lock().unwrap();
        assert!(seen.len() > 5, "{seen:?}");
        for (token, name) in seen.iter() {
            assert!(token == name || *token == name + 1, "the token is {token} and the name {name}");
        }
    });
}

/// The change of the hidden key is still on its way when that of another key, which came later, is here.
#[test]
fn a_change_is_not_handed_on_before_what_was_before_it() {
    for (now, expected) in [(5, true), (10, false)] {
        let reads = AtomicUsize::new(0);
        let server = Scripted::new(move |asked| {
            let key = if asked.target.contains("_token") { "/app/_token" } else { "/app/name" };
            let node = |index: usize| {
                let node = format!(
                    r#"{{"key":"{key}","value":"{index}","modifiedIndex":{index},"createdIndex":5}}"#
                );
                Reply::new(200, format!(r#"{{"action":"set","node":{node}}}"#))
            };
            match (asked.target.contains("wait=true"), key) {
                _ if asked.target.contains("/v2/members") => Reply::new(404, "no such path"),
                (true, "/app/name") if asked.target.contains("waitIndex=10") => node(11).etcd("a", 10),
                (true, _) => Reply::silence().etcd("a", 10),
                (false, _) if reads.fetch_add(1, Ordering::SeqCst) == 0 => node(5).etcd("a", 9),
                (false, _) => node(now).etcd("a", 11),
            }
        });
        let client = Client::new([server.endpoint()]).expect("a client");
        block_on(async {
            let prefix = Prefix::new("/app").naming(["_token"]);
            let mut watch = Store::watch(&client, &prefix, Some(9)).await.expect("a watch").watch;
            let signal = soon(poll_fn(|cx| watch.poll_next(cx))).await.expect("a signal");
            assert_eq!(matches!(signal, Signal::Batch(_)), expected, "{signal:?}");
            assert_eq!(signal == Signal::Stale, !expected, "{signal:?}");
        });
    }
}

/// An etcd at index 11 in which `name` was written at 11 and `_token` at another index. `read` is what becomes
/// of the readings of the token.
fn with_a_token(written: usize, read: impl Fn(Reply) -> Reply + Send + Sync + 'static) -> Scripted {
    Scripted::new(move |asked| {
        let key = if asked.target.contains("_token") { "/app/_token" } else { "/app/name" };
        let node = |index: usize| {
            let node =
                format!(r#"{{"key":"{key}","value":"{index}","modifiedIndex":{index},"createdIndex":5}}"#);
            Reply::new(200, format!(r#"{{"action":"set","node":{node}}}"#)).etcd("a", 11)
        };
        match (asked.target.contains("wait=true"), key) {
            _ if asked.target.contains("/v2/members") => Reply::new(404, "no such path"),
            (true, "/app/name") if asked.target.contains("waitIndex=10") => node(11),
            (true, _) => Reply::silence().etcd("a", 11),
            (false, _) => read(node(written)),
        }
    })
}

/// Its change is still on its way when that of another key, which came later, is here.
#[test]
fn a_hidden_key_that_was_written_between_a_listing_and_its_watch_is_not_overtaken() {
    for (written, is_torn) in [(9, false), (10, true)] {
        let server = with_a_token(written, |reply| reply);
        let client = Client::new([server.endpoint()]).expect("a client");
        block_on(async {
            let prefix = Prefix::new("/app").naming(["_token"]);
            let mut watch = Store::watch(&client, &prefix, Some(9)).await.expect("a watch").watch;
            let signal = soon(poll_fn(|cx| watch.poll_next(cx))).await.expect("a signal");
            assert_eq!(signal == Signal::Stale, is_torn, "{signal:?}");
            assert_eq!(matches!(signal, Signal::Batch(_)), !is_torn, "{signal:?}");
        });
    }
}

/// That nothing happened to them is believed for as long as they are watched.
#[test]
fn hidden_keys_that_cannot_be_read_have_the_prefix_listed() {
    let reads = AtomicUsize::new(0);
    let server = with_a_token(9, move |reply| match reads.fetch_add(1, Ordering::SeqCst) {
        0 => reply,
        _ => Reply::hang_up(),
    });
    let client = Client::builder().endpoints([server.endpoint()]).max_retries(0).build().expect("a client");
    block_on(async {
        let prefix = Prefix::new("/app").naming(["_token"]);
        let mut watch = Store::watch(&client, &prefix, Some(9)).await.expect("a watch").watch;
        let signal = soon(poll_fn(|cx| watch.poll_next(cx))).await.expect_err("an error");
        assert_eq!(signal.kind(), Kind::Compacted, "{signal}");
    });
}

#[test]
fn a_configuration_that_names_none_costs_what_it_did() {
    let listing = r#"{"action":"get","node":{"key":"/app","dir":true,"nodes":[
        {"key":"/app/a","value":"1","modifiedIndex":5,"createdIndex":5}],"modifiedIndex":5,"createdIndex":5}}"#;
    let server = Scripted::always(Reply::new(200, listing).etcd("a", 9));
    let client = Client::new([server.endpoint()]).expect("a client");
    let keys = |prefix: &Prefix| block_on(client.list(prefix)).expect("a listing").entries.len();
    assert_eq!(keys(&Prefix::new("/app").naming(["a", "b_/c"])), 1);
    assert_eq!(server.count(), 1);
}

#[test]
fn an_absent_key_is_absent() {
    on_each_line(|scene| {
        scene.delete("_token");
        let error = Service::load_once(&scene.client).expect_err("there is no token").to_string();
        assert!(error.contains("/app/_token"), "{error}");
        scene.put("_token", "3");
        assert_eq!(Service::load_once(&scene.client).expect("all is there").token, "3");
    });
}

#[test]
fn what_cannot_be_read_is_in_the_log_at_the_start() {
    log::keep();
    let server = Server::builder().etcd(servers::with_v2()[0]).v2().start();
    let client = Client::new([server.endpoint()]).expect("a client");
    let set = |key: &str| block_on(client.set(format!("/hidden-warned/{key}"), "1").into_future());
    for key in ["name", "_token", "db/_credentials/user", "db/_credentials/_deep/password"] {
        set(key).expect("set");
    }
    Service::options().prefix("/hidden-warned").load_once(&client).expect("all is there");
    let warnings = log::about("prefix=/hidden-warned");
    let warnings: Vec<_> = warnings.iter().filter(|line| line.starts_with("WARN")).collect();
    let [in_entries, maps] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(
        in_entries.contains("lie in entries of a map") && in_entries.contains("read as absent"),
        "{in_entries}"
    );
    assert!(in_entries.contains("_note") && !in_entries.contains("_token"), "{in_entries}");
    assert!(maps.contains("these maps have no such entries") && maps.contains("_limits"), "{maps}");
    assert!(warnings.iter().all(|line| !line.contains('\n')), "{warnings:?}");
}

#[test]
fn a_store_that_hides_nothing_is_not_warned_of() {
    log::keep();
    let server = Server::start();
    for key in ["name", "_token", "db/_credentials/user", "db/_credentials/_deep/password"] {
        server.put(&format!("/hidden-not-warned/{key}"), "1");
    }
    Service::options().prefix("/hidden-not-warned").load_once(server.endpoint()).expect("all is there");
    let lines = log::about("prefix=/hidden-not-warned");
    assert!(!lines.is_empty() && lines.iter().all(|line| !line.starts_with("WARN")), "{lines:?}");
}
