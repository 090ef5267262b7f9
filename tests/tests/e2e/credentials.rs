//! Users, passwords and tokens of a configuration that is in use.

use std::path::Path;
use std::thread;
use std::time::Duration;

use etcd_client_core::Kind;
use etcd_client_core::v3::Client;
use etcd_config::{EtcdConfig, State, Status};
use etcd_config_tests::{
    Builder, Flat, History, PREFIX, Proxy, Server, Watched, Witness, on_each_line, on_each_line_and_layers,
};

/// A server with the user `app`, who may read and write below `/app/` and below the layer above it.
fn secured(builder: &Builder) -> Server {
    let server = builder.start();
    server.enable_auth("of-root");
    server.add_user("app", "secret", "/app/");
    permit(&server, true, "/app@eu-1/");
    server
}

/// Whether the user may read and write there, from now on.
fn permit(server: &Server, may: bool, prefix: &str) {
    if may {
        server.etcdctl(["role", "grant-permission", "--prefix=true", "app", "readwrite", prefix]);
    } else {
        server.etcdctl(["role", "revoke-permission", "--prefix=true", "app", prefix]);
    }
}

/// The same with signed tokens, which tell how often users and roles have changed.
fn with_jwt(builder: Builder, folder: &Path) -> Server {
    let key = folder.join("key");
    std::fs::write(&key, "a key for the tests that is long enough to be one").expect("written");
    let tokens = format!("jwt,sign-method=HS256,priv-key={},ttl=10m", key.display());
    secured(&builder.flag("--auth-token", &tokens))
}

fn client(endpoint: String, password: &str) -> Client {
    Client::builder().endpoints([endpoint]).user("app", password).build().expect("a client")
}

fn change_password(server: &Server, password: &str) {
    let passwd = ["user", "passwd", "app", "--interactive=false"];
    server.try_etcdctl(passwd, password).expect("the password is changed");
}

fn logins(server: &Server) -> f64 {
    server.metric(r#"grpc_server_started_total{grpc_method="Authenticate""#)
}

#[test]
fn r37_a_token_that_expired_while_watching_is_renewed_when_it_is_needed() {
    on_each_line(|etcd| {
        let server = secured(&Server::builder().etcd(etcd).flag("--auth-token-ttl", "2"));
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let Watched { proxy, live, witness } =
            Watched::through(&server, |proxy| Flat::watch(client(proxy.endpoint(), "secret")));

        thread::sleep(Duration::from_secs(6)); // three lives of a token
        history.put("a", "2");
        witness.converges(&history, Duration::from_secs(3));
        assert_eq!(live.status().counters.losses, 0, "the stream was not affected");

        history.put("a", "3");
        let before = logins(&server);
        proxy.cut();
        witness.notices_a_loss(Duration::from_secs(1));
        witness.watches(Duration::from_secs(3));
        assert!(logins(&server) - before < 1.5, "{} logins", logins(&server) - before);
        history.put("a", "4");
        witness.converges(&history, Duration::from_secs(3));
    });
}

#[test]
fn r38_a_token_of_before_a_change_of_users_is_renewed_for_reads_and_watches() {
    on_each_line_and_layers(|stage| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = with_jwt(stage.server(), folder.path());
        let history = stage.history(&server);
        history.put("a", "1");
        let audit = Duration::from_secs(2);
        let options = stage.options().audit_interval(audit).progress_interval(Duration::from_secs(1));
        let Watched { proxy, live, witness } =
            Watched::through(&server, |proxy| options.watch(client(proxy.endpoint(), "secret")));

        server.etcdctl(["user", "add", "one:pw"]);
        proxy.cut(); // a watch is refused
        witness.notices_a_loss(Duration::from_secs(1));
        history.put("a", "2");
        witness.converges(&history, Duration::from_secs(3));
        witness.watches(Duration::from_secs(1));

        server.etcdctl(["user", "add", "two:pw"]); // an audit's read is refused
        let audits = live.status().counters.audits;
        witness.waits_for("audited", audit * 8, |status| status.counters.audits > audits + 1);
        assert!(live.status().is_current(), "{}", live.status());
        history.put("a", "3");
        witness.converges(&history, Duration::from_secs(3));
    });
}

/// Each token is outdated again when it is used; the credentials are good all the same.
#[test]
fn r38_a_start_amid_changes_of_users_is_not_refused() {
    on_each_line(|etcd| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = with_jwt(Server::builder().etcd(etcd), folder.path());
        let proxy = Proxy::to(&server.address());
        proxy.delay_requests(Duration::from_millis(200));
        thread::scope(|scope| {
            // For as long as it takes: on a busy machine each token takes a second.
            let options = Flat::options().startup_timeout(Duration::from_secs(120));
            let start = || options.watch(client(proxy.endpoint(), "secret")).expect("a first snapshot");
            let starting = scope.spawn(start);
            for n in 0..20 {
                let role = format!(r#"{{"name":"role{n}"}}"#);
                server.gateway("/v3/auth/role/add", &role).expect("a role");
            }
            starting.join().expect("no panic");
        });
    });
}

#[test]
fn r39_a_password_that_was_changed_is_said_and_the_last_settings_stay() {
    on_each_line(|etcd| {
        let server = secured(&Server::builder().etcd(etcd));
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let proxy = Proxy::to(&server.address());
        let client = client(proxy.endpoint(), "secret");
        let live = Flat::watch(client.clone()).expect("a first snapshot");
        let witness = Witness::watching(&live);

        change_password(&server, "another");
        proxy.cut();
        history.put("a", "2");
        let failed = |status: &Status| matches!(status.state, State::AuthFailed(_));
        witness.waits_for("refused", Duration::from_secs(5), failed);
        let before = logins(&server);
        thread::sleep(Duration::from_secs(3));
        // The test's own writes are none in this time.
        assert!(logins(&server) - before < 3.0, "{} logins in 3 s", logins(&server) - before);
        assert_eq!(live.load().all["a"], "1");
        assert!(!live.status().to_string().contains("secret"));

        client.set_credentials("app", "another").expect("credentials");
        witness.converges(&history, Duration::from_secs(15));
    });
}

#[test]
fn r40_a_permission_that_was_revoked_is_found_by_the_audit() {
    on_each_line_and_layers(|stage| {
        let server = secured(&stage.server());
        let history = stage.history(&server);
        history.put("a", "1");
        let audit = Duration::from_secs(2);
        let options = stage.options().audit_interval(audit);
        let live = options.watch(client(server.endpoint(), "secret")).expect("a first snapshot");
        let witness = Witness::watching(&live);

        // Of two layers, that of the upper one.
        let revoked = if stage.is_layered() { "/app@eu-1/" } else { "/app/" };
        permit(&server, false, revoked);
        history.put("a", "2"); // etcd still sends it
        let denied = |status: &Status| matches!(status.state, State::PermissionDenied(_));
        witness.waits_for("denied", audit * 2, denied);
        assert!(live.load().all.contains_key("a"));
        // Two layers are read in a transaction; when that is refused, each of them is asked for, to name it.
        let method = if stage.is_layered() { "Txn" } else { "Range" };
        let reads = || server.metric(&format!("grpc_server_started_total{{grpc_method=\"{method}\""));
        let before = reads();
        thread::sleep(Duration::from_secs(4));
        assert!(reads() - before < 4.0, "{} reads in 4 s", reads() - before);
        assert!(denied(&live.status()), "{}", live.status());

        permit(&server, true, revoked);
        history.put("a", "3");
        witness.watches(audit * 2);
        witness.converges(&history, audit * 2);
    });
}

#[test]
fn wrong_credentials_are_said_at_once() {
    let server = secured(&Server::builder());
    let error = Flat::watch(client(server.endpoint(), "wrong-one")).expect_err("refused");
    let text = error.to_string();
    assert!(text.contains("app") && !text.contains("wrong-one"), "{text}");
    assert_eq!(error.store().expect("an error of the store").kind(), Kind::Unauthenticated, "{text}");
}

#[test]
fn a_prefix_that_may_not_be_read_is_said_at_once() {
    let server = secured(&Server::builder());
    let elsewhere = Flat::options().prefix("/elsewhere").watch(client(server.endpoint(), "secret"));
    let error = elsewhere.expect_err("refused");
    let kind = error.store().expect("an error of the store").kind();
    assert_eq!(kind, Kind::PermissionDenied, "{error}");
}

/// A server looks at a simple token when its log has come as far as when that was made: until then, it
/// is silent.
#[test]
fn a_backup_that_is_restored_under_a_later_token_is_read_all_the_same() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        server.enable_auth("of-root");
        server.add_user("app", "secret", "/app/");
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let backup = folder.path().join("backup");
        server.save_snapshot(&backup);
        for n in 0..40 {
            history.put("a", &n.to_string());
        }
        let client = Client::builder().endpoints([server.endpoint()]).user("app", "secret");
        let live = Flat::watch(client.timeout(Duration::from_secs(2)).build().expect("a client"));
        let live = live.expect("a first snapshot");
        let witness = Witness::watching(&live);
        server.restore_snapshot(&backup);
        server.restart();
        history.begin_era();
        witness.converges(&history, Duration::from_secs(20));
        assert_eq!(live.status().counters.rewinds, 1);
    });
}
