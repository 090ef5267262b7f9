//! Users, tokens and passwords of the v3 client.

use std::time::Duration;

use etcd_client_core::v3::Client;
use etcd_client_core::{Error, Kind, Store};
use etcd_config_tests::{Server, block_on, servers, soon};

fn client(server: &Server, password: &str) -> Client {
    Client::builder().endpoints([server.endpoint()]).user("payments", password).build().unwrap()
}

fn secured(server: Server) -> Server {
    server.enable_auth("secret");
    server.add_user("payments", "pw", "/payments/");
    server
}

#[test]
fn a_user_may_do_what_its_role_allows() {
    for etcd in servers::all() {
        let server = secured(Server::builder().etcd(etcd).start());
        block_on(async {
            let client = client(&server, "pw");
            client.put("/payments/a", "1").await.unwrap();
            let mut watch = client.watch("/payments/").prefix().await.unwrap();
            client.put("/payments/a", "2").await.unwrap();
            assert_eq!(soon(watch.next()).await.unwrap().unwrap().events.len(), 1);

            let denied: [Error; 3] = [
                client.put("/other", "1").await.unwrap_err(),
                client.get("").prefix().await.unwrap_err(),
                client.watch("/other").await.unwrap_err(),
            ];
            for error in denied {
                assert!(error.kind() == Kind::PermissionDenied && error.is_access(), "{etcd}: {error}");
                assert!(!error.maybe_applied() && error.to_string().contains(&server.endpoint()), "{error}");
            }
            let both = |other: &'static str| vec!["/payments/new".into(), other.into()];
            client.may_write(both("/payments/a")).await.unwrap();
            let error = client.may_write(both("/other")).await.unwrap_err();
            assert_eq!(error.kind(), Kind::PermissionDenied, "{etcd}: {error}");
            let kept = client.get("/payments/").prefix().await.unwrap();
            assert!(kept.count == 1 && kept.kvs[0].value == "2", "{etcd}: nothing is written: {kept:?}");
            let nobody = Client::new([server.endpoint()]).unwrap();
            let error = nobody.get("/payments/a").await.unwrap_err();
            assert_eq!(error.kind(), Kind::Unauthenticated);
            assert!(error.to_string().contains("the server wants a user and a password"), "{error}");
        });
    }
}

#[test]
fn a_wrong_password_is_final_until_it_is_changed_for_all_handles() {
    let server = secured(Server::start());
    block_on(async {
        let client = client(&server, "guess");
        let twin = client.with_own_connections();
        for error in
            [client.get("/payments/a").await.unwrap_err(), twin.watch("/payments/a").await.unwrap_err()]
        {
            assert_eq!(error.kind(), Kind::Unauthenticated);
            assert!(
                error.to_string().contains("\"payments\"") && !error.to_string().contains("guess"),
                "{error}"
            );
        }
        client.clone().set_credentials("payments", "pw").unwrap();
        client.get("/payments/a").await.unwrap();
        twin.watch("/payments/a").await.unwrap();

        // The password changes on the server: the token may live on, another client's does not.
        server.try_etcdctl(["user", "passwd", "payments", "--interactive=false"], "rotated").unwrap();
        let late = self::client(&server, "pw");
        assert_eq!(late.get("/payments/a").await.unwrap_err().kind(), Kind::Unauthenticated);
        late.set_credentials("payments", "rotated").unwrap();
        late.get("/payments/a").await.unwrap();
    });
}

#[test]
fn a_token_that_has_expired_is_renewed() {
    for etcd in servers::all() {
        let server = secured(Server::builder().etcd(etcd).flag("--auth-token-ttl", "1").start());
        block_on(async {
            let client = client(&server, "pw");
            client.put("/payments/a", "1").await.unwrap();
            for round in 2..4 {
                tokio::time::sleep(Duration::from_millis(2500)).await;
                let (put, get, watch) = tokio::join!(
                    client.put("/payments/a", "x").into_future(),
                    client.get("/payments/a").into_future(),
                    client.watch("/payments/a").into_future()
                );
                get.unwrap();
                watch.unwrap();
                assert_eq!(
                    put.unwrap().header.revision,
                    client.get("/payments/a").await.unwrap().header.revision
                );
                assert_eq!(client.get("/payments/a").await.unwrap().kv().unwrap().version, round);
            }
        });
    }
}

#[test]
fn a_token_of_an_older_set_of_users_is_renewed() {
    for etcd in servers::all() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("hmac");
        std::fs::write(&key, "a key for the tests that is long enough to be one").unwrap();
        let token = format!("jwt,sign-method=HS256,priv-key={},ttl=10m", key.display());
        let server = secured(Server::builder().etcd(etcd).flag("--auth-token", &token).start());
        block_on(async {
            let client = client(&server, "pw");
            client.put("/payments/a", "1").await.unwrap();
            server.etcdctl(["user", "add", "one:pw"]);
            assert_eq!(client.put("/payments/a", "2").prev_kv().await.unwrap().prev_kv.unwrap().version, 1);
            server.etcdctl(["user", "add", "two:pw"]);
            let mut watch = client.watch("/payments/a").await.unwrap();
            client.put("/payments/a", "3").await.unwrap();
            assert_eq!(soon(watch.next()).await.unwrap().unwrap().events.len(), 1);
        });
    }
}

#[test]
fn authentication_may_be_turned_on_later() {
    let server = Server::start();
    block_on(async {
        let client = client(&server, "pw");
        client.put("/payments/a", "1").await.unwrap();
        let _server = secured(server);
        client.put("/payments/a", "2").await.unwrap();
        assert_eq!(client.put("/a", "2").await.unwrap_err().kind(), Kind::PermissionDenied);
    });
}
