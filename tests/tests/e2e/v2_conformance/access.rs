//! Users and permissions.

use std::time::{Duration, Instant};

use etcd_client_core::Kind;
use etcd_client_core::v2::{Client, Event};
use etcd_config_tests::{Proxy, Server, block_on, servers};
use tokio::time::timeout;

use super::line::{next, refusal};

const JSON: &str = "application/json";

/// A server with authentication, and its root.
async fn secured(server: &Server) -> Client {
    let root = Client::builder().endpoints([server.endpoint()]).user("root", "secret").build().unwrap();
    let put = |path: &str, body: &str| root.raw("PUT", format!("/v2/auth/{path}")).body(JSON, body);
    put("users/root", r#"{"user":"root","password":"secret"}"#).await.unwrap();
    let app = r#"{"role":"app","permissions":{"kv":{"read":["/app/*"],"write":["/app/*"]}}}"#;
    put("roles/app", app).await.unwrap();
    put("users/app", r#"{"user":"app","password":"pw","roles":["app"]}"#).await.unwrap();
    put("enable", "").await.unwrap();
    let guest = r#"{"role":"guest","revoke":{"kv":{"read":["/*"],"write":["/*"]}}}"#;
    put("roles/guest", guest).await.unwrap();
    root
}

fn user(endpoint: String, name: &str, password: &str) -> Client {
    Client::builder().endpoints([endpoint]).user(name, password).build().unwrap()
}

fn on_each_secured_server(case: &impl AsyncFn(&Server, &Client)) {
    for etcd in servers::with_v2() {
        let server = Server::builder().etcd(etcd).v2().start();
        block_on(async {
            let root = secured(&server).await;
            case(&server, &root).await;
        });
    }
}

#[test]
fn a01_basic_authentication() {
    on_each_secured_server(&async |server, _| {
        let good = user(server.endpoint(), "app", "pw");
        good.set("/app/k", "v").await.unwrap();
        assert_eq!(good.get("/app").recursive(true).await.unwrap().node().unwrap().nodes.len(), 1);
        let anonymous = Client::new([server.endpoint()]).unwrap();
        for client in
            [user(server.endpoint(), "app", "guess"), user(server.endpoint(), "nobody", "pw"), anonymous]
        {
            let started = Instant::now();
            let error = client.get("/app/k").await.unwrap_err();
            assert_eq!((refusal(&error).0, refusal(&error).1), (401, 110));
            assert_eq!((error.kind(), error.retries()), (Kind::Unauthenticated, 0));
            assert!(error.is_access() && !error.to_string().contains("guess"), "{error}");
            assert!(started.elapsed() < Duration::from_secs(2), "retried for {:?}", started.elapsed());
        }
        let error = good.set("/other", "v").await.unwrap_err();
        assert_eq!(error.code(), Some(110));
        good.set_credentials(("app", "guess")).unwrap();
        assert!(good.get("/app/k").await.is_err());
        good.set_credentials(("app", "pw")).unwrap();
        assert!(good.get("/app/k").await.is_ok());
    });
}

#[test]
fn a04_a_watcher_that_loses_its_permission() {
    on_each_secured_server(&async |server, root| {
        let proxy = Proxy::to(&server.address());
        let client = user(proxy.endpoint(), "app", "pw");
        let start = client.set("/app/k", "0").await.unwrap().into_body().index().unwrap();
        let mut watcher = client.watcher("/app/k").index(start + 1).start();
        root.set("/app/k", "1").await.unwrap();
        assert_eq!(next(&mut watcher).await.change().unwrap().value(), Some("1"));
        assert!(timeout(Duration::from_millis(300), watcher.next()).await.is_err());

        let revoke = r#"{"role":"app","revoke":{"kv":{"read":["/app/*"],"write":[]}}}"#;
        root.raw("PUT", "/v2/auth/roles/app").body(JSON, revoke).await.unwrap();
        proxy.cut();
        assert!(matches!(next(&mut watcher).await, Event::Reconnect(_)));
        let started = Instant::now();
        for _ in 0..2 {
            match next(&mut watcher).await {
                Event::Error(error) => {
                    assert_eq!((error.code(), error.kind()), (Some(110), Kind::Unauthenticated));
                }
                other => panic!("{other:?}: a lost permission is no cleared history"),
            }
        }
        assert!(started.elapsed() >= Duration::from_millis(300), "a hot loop");
        let grant = r#"{"role":"app","grant":{"kv":{"read":["/app/*"],"write":[]}}}"#;
        root.raw("PUT", "/v2/auth/roles/app").body(JSON, grant).await.unwrap();
        root.set("/app/k", "2").await.unwrap();
        loop {
            match next(&mut watcher).await {
                Event::Error(_) => {}
                event => break assert_eq!(event.change().unwrap().value(), Some("2")),
            }
        }
    });
}
