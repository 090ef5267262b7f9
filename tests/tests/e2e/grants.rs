//! What operators do to users, roles and grants of a configuration that is in use.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_client_core::v3::Client;
use etcd_config::{EtcdConfig, Status};
use etcd_config_tests::{Etcd, Flat, History, PREFIX, Server, Watched, on_each_line};

const AUDIT: Duration = Duration::from_secs(2);
/// A service that was refused asks again about every ten seconds.
const ASKED_AGAIN: Duration = Duration::from_secs(20);

/// A server with the user `app`, who may read and write below `/app/`.
fn secured(etcd: &'static Etcd) -> Server {
    let server = Server::builder().etcd(etcd).start();
    server.enable_auth("of-root");
    server.add_user("app", "secret", "/app/");
    server
}

fn client(endpoint: String) -> Client {
    Client::builder().endpoints([endpoint]).user("app", "secret").build().expect("a client")
}

fn is_refused(status: &Status) -> bool {
    status.state.error().is_some_and(etcd_client_core::Error::is_access)
}

fn grant(server: &Server, prefix: &str) {
    server.etcdctl(["role", "grant-permission", "--prefix=true", "app", "read", prefix]);
}

fn revoke(server: &Server, prefix: &str) {
    server.etcdctl(["role", "revoke-permission", "--prefix=true", "app", prefix]);
}

#[test]
fn a_grant_that_gives_way_to_a_narrower_one_is_no_reason_to_hold_less() {
    on_each_line(|etcd| {
        let server = secured(etcd);
        let history = History::of(&server, PREFIX);
        history.write([("a", Some("1")), ("b", Some("1"))]);
        let options = Flat::options().audit_interval(AUDIT);
        let Watched { proxy, live, witness } =
            Watched::through(&server, |proxy| options.watch(client(proxy.endpoint())));

        grant(&server, "/app/all/a");
        revoke(&server, "/app/");
        witness.waits_for("refused by an audit", AUDIT * 4, is_refused);
        proxy.cut();
        history.write([("a", Some("2")), ("b", None)]);
        witness.waits_for("lost", Duration::from_secs(5), |status| status.endpoint.is_none());
        witness.waits_for("refused", Duration::from_secs(5), is_refused);
        assert_eq!(live.load().all.len(), 2);

        // As good as the first, in two parts.
        for half in [["/app/", "/app/all/b"], ["/app/all/b", "/app0"]] {
            server.etcdctl(["role", "grant-permission", "app", "read", half[0], half[1]]);
        }
        witness.converges(&history, ASKED_AGAIN);
        assert_eq!(witness.named(), ["a", "b"]);
        witness.watches(Duration::from_secs(5));
        history.put("c", "1");
        witness.converges(&history, Duration::from_secs(5));
    });
}

/// etcd forgets the tokens of a user who is deleted.
#[test]
fn a_user_who_is_made_anew_meanwhile_is_served_as_if_nothing_had_been() {
    on_each_line(|etcd| {
        let server = secured(etcd);
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let options = Flat::options().audit_interval(None);
        let Watched { proxy, live, witness } =
            Watched::through(&server, |proxy| options.watch(client(proxy.endpoint())));
        let refusals = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&refusals);
        live.on_status(move |status| {
            if is_refused(status) {
                heard.lock().expect("not poisoned").push(status.to_string());
            }
        });

        server.etcdctl(["user", "delete", "app"]);
        server.etcdctl(["user", "add", "app:secret"]);
        server.etcdctl(["user", "grant-role", "app", "app"]);
        proxy.cut();
        history.put("a", "2");
        witness.converges(&history, Duration::from_secs(5));
        witness.watches(Duration::from_secs(5));
        assert_eq!(*refusals.lock().expect("not poisoned"), Vec::<String>::new());
    });
}

#[test]
fn authentication_that_is_turned_off_and_on_again_is_not_noticed_by_a_service_with_a_name() {
    on_each_line(|etcd| {
        let server = secured(etcd);
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let options = || Flat::options().audit_interval(AUDIT);
        let Watched { proxy, live, witness } =
            Watched::through(&server, |proxy| options().watch(client(proxy.endpoint())));
        let follows = |value: &str| {
            let audits = live.status().counters.audits;
            witness.waits_for("audited", AUDIT * 4, |status| status.counters.audits > audits);
            history.put("a", value);
            witness.converges(&history, Duration::from_secs(5));
            proxy.cut();
            history.put("a", &value.repeat(2));
            witness.converges(&history, Duration::from_secs(5));
            let new = options().watch(client(proxy.endpoint())).expect("a first snapshot");
            assert_eq!(new.load().all, live.load().all);
        };

        server.etcdctl(["auth", "disable"]);
        server.set_user(None);
        follows("2");
        server.etcdctl(["auth", "enable"]);
        server.set_user(Some("root:of-root"));
        follows("3");
    });
}
