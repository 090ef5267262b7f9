//! Users and passwords of the v2 API, of a configuration that is in use.

use std::thread;
use std::time::Duration;

use etcd_client_core::Kind;
use etcd_client_core::v2::Client;
use etcd_config::{EtcdConfig, State, Status};
use etcd_config_tests::{Flat, Proxy, Server, Stage, Watched, Witness, over_v2};

/// A server with the user `app`, who may read and write below `/app/`.
fn secured(stage: Stage) -> Server {
    let server = stage.server().start();
    server.add_user_v2("app", "secret", "/app/");
    server.enable_auth_v2("of-root");
    server
}

fn client(endpoint: String, password: &str) -> Client {
    Client::builder().endpoints([endpoint]).user("app", password).build().expect("a client")
}

/// In v2 a wrong password and a missing permission are one and the same answer.
fn is_refused(status: &Status) -> bool {
    matches!(status.state, State::AuthFailed(_))
}

#[test]
fn r39_a_password_that_was_changed_over_v2_is_said_and_the_last_settings_stay() {
    over_v2(|stage| {
        let server = secured(stage);
        let history = stage.history(&server);
        history.put("a", "1");
        let proxy = Proxy::to(&server.address());
        let client = client(proxy.endpoint(), "secret");
        let live = Flat::watch(client.clone()).expect("a first snapshot");
        let witness = Witness::watching(&live);

        server.change_password_v2("app", "another");
        proxy.cut();
        history.put("a", "2");
        witness.waits_for("refused", Duration::from_secs(5), is_refused);
        let before = proxy.requests();
        thread::sleep(Duration::from_secs(3));
        let requests = proxy.requests() - before;
        assert!(requests < 3, "{requests} requests in 3 s");
        assert_eq!(live.load().all["a"], "1");
        assert!(witness.steps().is_empty());
        assert!(!live.status().to_string().contains("secret"));

        client.set_credentials(("app", "another")).expect("credentials");
        witness.converges(&history, Duration::from_secs(15));
        witness.watches(Duration::from_secs(1));
        history.put("a", "3");
        witness.converges(&history, Duration::from_secs(3));
    });
}

#[test]
fn r40_a_permission_that_was_revoked_over_v2_is_found_by_the_next_poll() {
    over_v2(|stage| {
        let server = secured(stage);
        let history = stage.history(&server);
        history.put("a", "1");
        let audit = Duration::from_secs(2);
        let options = Flat::options().audit_interval(audit);
        let Watched { proxy, live, witness } =
            Watched::through(&server, |proxy| options.watch(client(proxy.endpoint(), "secret")));

        server.permit_v2("app", "/app/", false);
        witness.waits_for("refused", audit * 2, is_refused);
        history.put("a", "2");
        let before = proxy.requests();
        thread::sleep(Duration::from_secs(4));
        let requests = proxy.requests() - before;
        assert!(requests < 6, "{requests} requests in 4 s");
        assert!(is_refused(&live.status()), "{}", live.status());
        assert!(live.status().to_string().contains("requires user authentication"), "{}", live.status());
        assert!(live.load().all.contains_key("a"));

        server.permit_v2("app", "/app/", true);
        history.put("a", "3");
        witness.watches(Duration::from_secs(15));
        witness.converges(&history, audit * 2);
    });
}

#[test]
fn wrong_credentials_and_missing_permissions_are_said_at_once() {
    over_v2(|stage| {
        let server = secured(stage);
        let wrong = Flat::watch(client(server.endpoint(), "wrong-one"));
        let elsewhere = Flat::options().prefix("/elsewhere").watch(client(server.endpoint(), "secret"));
        for outcome in [wrong, elsewhere] {
            let error = outcome.expect_err("refused");
            let text = error.to_string();
            assert!(text.contains("user authentication") && !text.contains("wrong-one"), "{text}");
            assert_eq!(error.store().expect("an error of the store").kind(), Kind::Unauthenticated, "{text}");
        }
    });
}
