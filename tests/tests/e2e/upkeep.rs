//! What operators do to a cluster that is in use.

use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_config::{EtcdConfig, Status};
use etcd_config_tests::{
    Flat, History, PREFIX, Proxy, Server, Watched, Witness, block_on, on_each_line, on_each_line_and_layers,
    servers,
};

fn refused(status: &Status) -> bool {
    status.state.error().is_some_and(etcd_client_core::Error::is_access)
}

#[test]
fn authentication_that_is_turned_on_under_a_nameless_client_is_said_until_it_is_off() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let Watched { proxy, live, witness } = Watched::at(&server);

        server.enable_auth("of-root");
        proxy.cut();
        // 3.5.1 says "permission denied" to watches of nobody.
        witness.waits_for("refused", Duration::from_secs(5), refused);
        let text = live.status().to_string();
        assert!(text.contains("user") && text.contains(&proxy.endpoint()), "{text}");
        assert!(!text.contains("desc ="), "{text}");
        history.put("a", "2");
        assert_eq!(live.load().all["a"], "1");

        server.etcdctl(["auth", "disable"]);
        server.set_user(None);
        history.put("b", "1");
        witness.converges(&history, Duration::from_secs(15));
        witness.watches(Duration::from_secs(1));
    });
}

#[test]
fn a_user_who_is_deleted_is_told_and_served_again_when_there_is_one() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        server.enable_auth("of-root");
        server.add_user("app", "secret", "/app/");
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let proxy = Proxy::to(&server.address());
        let client = Client::builder().endpoints([proxy.endpoint()]).user("app", "secret").build();
        let audit = Duration::from_secs(2);
        let live = Flat::options().audit_interval(audit).watch(client.expect("a client"));
        let live = live.expect("a first snapshot");
        let witness = Witness::watching(&live);

        server.etcdctl(["user", "delete", "app"]);
        witness.waits_for("refused by an audit", audit * 3, refused);
        let text = live.status().to_string();
        assert!(text.contains("\"app\"") && !text.contains("secret"), "{text}");
        proxy.cut();
        history.put("a", "2");
        server.etcdctl(["user", "add", "app:secret"]);
        server.etcdctl(["user", "grant-role", "app", "app"]);
        witness.converges(&history, Duration::from_secs(15));
        witness.watches(Duration::from_secs(5));
    });
}

#[test]
fn a_lease_with_hundreds_of_keys_ends_in_one_change() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        history.put("stays", "1");
        let client = Client::new([server.endpoint()]).expect("a client");
        let last = block_on(async {
            let lease = client.lease_grant(60).await.expect("a lease").id;
            let mut last = 0;
            for n in 0..300 {
                let put = client.put(format!("{PREFIX}key{n:03}"), "1").lease(lease);
                last = put.await.expect("written").header.revision;
            }
            (lease, last)
        });
        let (lease, last) = last;
        history.read();
        assert_eq!(history.head(), (last, history.at(last)));
        let live = Flat::watch(server.endpoint()).expect("a first snapshot");
        let witness = Witness::watching(&live);
        assert_eq!(live.load().all.len(), 301);
        block_on(async { client.lease_revoke(lease).await }).expect("revoked");
        history.read();
        witness.converges(&history, Duration::from_secs(5));
        let steps = witness.steps();
        assert_eq!((steps.len(), steps[0].keys.len()), (1, 300));
    });
}

#[test]
fn keys_that_are_no_text_or_have_no_name_disturb_nothing() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let client = Client::new([server.endpoint()]).expect("a client");
        let odd: [&[u8]; 7] = [
            b"/app/",
            b"/app/all/",
            b"/app//",
            b"/app/all/\xff\xfe",
            b"/app/\0",
            b"/app/all//x",
            b"/app/\xc3",
        ];
        let put_all = |value: &'static str| {
            block_on(async {
                for key in odd {
                    client.put(key, value).await.expect("written");
                }
                client.put("/app/all/a", value).await.expect("written");
            });
        };
        put_all("1");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = || Flat::options().cache_file(folder.path().join("cache")).cache_secrets(true);
        let live = options().watch(server.endpoint()).expect("a first snapshot");
        put_all("2");
        live.wait_until(|flat| flat.all["a"] == "2", Duration::from_secs(5)).expect("followed");
        assert!(live.status().is_current(), "{}", live.status());
        block_on(async {
            for key in odd {
                client.delete(key).await.expect("deleted");
            }
        });
        server.put("/app/all/a", "3");
        live.wait_until(|flat| flat.all["a"] == "3", Duration::from_secs(5)).expect("followed");
        assert_eq!(live.load().all.keys().collect::<Vec<_>>(), ["a"]);
        put_all("4");
        options().load_once(server.endpoint()).expect("a snapshot");
        server.kill();
        let cached = options().startup_timeout(Duration::from_millis(300)).watch(server.endpoint());
        assert_eq!(cached.expect("from the cache").load().all["a"], "4");
    });
}

#[test]
fn a_long_absence_is_one_listing_and_one_change() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "0");
        let Watched { proxy, live, witness } = stage.watched(&server);
        proxy.shut();
        let away = Instant::now();
        witness.notices_a_loss(Duration::from_secs(2));
        let before = history.head().0;
        let client = Client::new([server.endpoint()]).expect("a client");
        block_on(async {
            let key = history.keys("a").remove(0);
            for n in 0..2_000 {
                client.put(key.as_str(), n.to_string()).await.expect("written");
            }
        });
        history.read();
        assert!(history.head().0 >= before + 2_000);
        proxy.accept();
        // The end of an outage is noticed after half its length.
        witness.converges(&history, away.elapsed() / 2 + Duration::from_secs(5));
        assert_eq!((witness.steps().len(), live.status().counters.lists), (1, 2), "{}", live.status());
    });
}

#[test]
fn a_defragmentation_under_writes_loses_nothing() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        let live = Flat::watch(server.endpoint()).expect("a first snapshot");
        let witness = Witness::watching(&live);
        thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..200 {
                    history.put(&format!("key{}", n % 9), &n.to_string());
                }
            });
            for _ in 0..3 {
                server.etcdctl(["defrag"]);
            }
        });
        history.compact();
        server.etcdctl(["defrag"]);
        history.put("last", "1");
        witness.converges(&history, Duration::from_secs(5));
        assert_eq!(live.status().counters.rewinds, 0);
    });
}

#[test]
fn a_rolling_upgrade_under_writes_is_followed() {
    let lines = servers::with_v2();
    let [old, new] = [lines[0], lines[lines.len() - 1]];
    let cluster = Server::builder().etcd(old).start_cluster();
    let history = History::of(cluster.member(0), PREFIX);
    history.put("a", "0");
    let live = Flat::watch(cluster.endpoints()).expect("a first snapshot");
    let witness = Witness::of(&live);
    for index in [1, 2, 0] {
        witness.watches(Duration::from_secs(15));
        let member = cluster.member(index);
        history.go_on_at(cluster.member((index + 1) % 3));
        member.terminate();
        assert!(member.wait_until_ended(Duration::from_secs(20)), "{} does not end", member.name());
        member.restart_as(new);
        cluster.wait_until_healthy();
        history.put("a", member.name());
        witness.converges(&history, Duration::from_secs(15));
    }
    assert_eq!(live.status().counters.rewinds, 0, "{}", live.status());
}

#[test]
fn a_corruption_alarm_leaves_the_last_settings_in_force() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let Watched { proxy, live, witness } = Watched::at(&server);
        let id = u64::from_str_radix(&server.member_id(), 16).expect("a number");
        let alarm = |action| {
            let alarm = format!(r#"{{"action":"{action}","memberID":"{id}","alarm":"CORRUPT"}}"#);
            server.gateway("/v3/maintenance/alarm", &alarm).expect("switched");
        };
        alarm("ACTIVATE");
        history.try_write([("a", Some("2"))]).expect_err("a corrupt cluster takes no writes");
        proxy.cut();
        witness.waits_for("a loss", Duration::from_secs(5), |status| status.counters.losses > 0);
        assert_eq!(live.load().all["a"], "1");
        alarm("DEACTIVATE");
        history.put("a", "3");
        witness.converges(&history, Duration::from_secs(10));
        witness.watches(Duration::from_secs(10));
    });
}
