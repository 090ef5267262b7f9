//! Questions about the servers, and any other request.

use etcd_client_core::Kind;
use etcd_client_core::v2::{Client, Refusal};
use etcd_config_tests::{Reply, Scripted, Server, block_on, servers};

use super::line::{on_each_line, refusal};

#[test]
fn f12_machines_leader_members_and_the_rest() {
    on_each_line("f12", &async |line| {
        let client = &line.client;
        assert_eq!(client.machines().await.unwrap().body().0, [line.server.endpoint()]);
        let members = client.members().await.unwrap().into_body();
        let leader = client.leader().await.unwrap().into_body();
        assert_eq!(members.members(), std::slice::from_ref(&leader));
        assert_eq!(
            (leader.client_urls, leader.name.as_str()),
            (vec![line.server.endpoint()], line.server.name())
        );
        let own = client.self_stats().await.unwrap().into_body();
        assert_eq!((own.is_leader(), &own.leader_info.leader), (true, &leader.id));
        assert_eq!(client.leader_stats().await.unwrap().body().leader, leader.id);
        client.set(line.key("k"), "v").await.unwrap();
        assert!(client.store_stats().await.unwrap().body().sets_success > 0);
        let version = client.version().await.unwrap().into_body();
        assert_eq!(version.server, line.server.etcd().version().to_string());
        assert!(version.server.starts_with(version.cluster.rsplit_once('.').unwrap().0));
        assert!(client.health().await.unwrap().body().healthy);
    });
}

#[test]
fn f13_v2_is_disabled() {
    for etcd in servers::with_v2() {
        let server = Server::builder().etcd(etcd).flag("--enable-v2", "false").start();
        block_on(async {
            let client = Client::new([server.endpoint()]).unwrap();
            let error = client.get("k").await.unwrap_err();
            assert_eq!(error.kind(), Kind::InvalidRequest, "{error}");
            let text = error.to_string();
            assert!(text.contains("--enable-v2") && text.contains(&etcd.version().to_string()), "{text}");
            assert_eq!(Refusal::of(&error).unwrap().status(), 404);
            assert!(client.version().await.is_ok());
        });
    }
}

#[test]
fn f09_what_is_not_etcds_answer_is_an_error() {
    for (status, body, message) in [
        (404, "404 page not found here", "404 page not found here"),
        (400, "400 Bad Request", "400 Bad Request"),
        (403, r#"{"message":"not current leader"}"#, "not current leader"),
        // Of a success nothing is shown: it may be a value.
        (200, "<html>welcome</html>", ""),
        (200, "", ""),
        (502, "<html>bad luck</html>", "<html>bad luck</html>"),
    ] {
        let server = Scripted::always(Reply::new(status, body).header("Location", "/elsewhere"));
        block_on(async {
            let client = Client::new([server.endpoint()]).unwrap();
            for outcome in [client.get("k").await, client.set("k", "v").await, client.delete("k").await] {
                let error = outcome.unwrap_err();
                let refusal = Refusal::of(&error).unwrap_or_else(|| panic!("no refusal: {error:?}"));
                assert_eq!((refusal.status(), refusal.code()), (status, None));
                assert_eq!(refusal.message(), message);
                let says = match status {
                    200 => "not what etcd answers",
                    502 => "HTTP 502 Bad Gateway: bad luck; ",
                    _ => message,
                };
                assert!(error.failures()[0].error.to_string().contains(says), "{error}");
                assert_eq!(error.failures().len(), 1, "{error}");
            }
        });
    }
}

#[test]
fn x07_raw() {
    on_each_line("x07", &async |line| {
        let key = line.key("k");
        for path in ["/version", "version"] {
            let version = line.client.raw("get", path).await.unwrap();
            assert!(version.body().contains("etcdserver"), "{version:?}");
        }
        let put =
            line.client.raw("PUT", format!("v2/keys{key}")).form("value", "a b").form("ttl", "60").await;
        assert_eq!(put.unwrap().headers().status(), 201);
        let got = line.client.get(&key).await.unwrap();
        assert_eq!((got.value(), got.node().unwrap().ttl.is_some()), (Some("a b"), true));
        let error = line.client.raw("PATCH", format!("v2/keys{key}")).await.unwrap_err();
        assert_eq!(refusal(&error).0, 405);
        assert_eq!(line.client.raw("GE T", "/version").await.unwrap_err().kind(), Kind::InvalidInput);
        assert_eq!(line.client.raw("GET", "/a b").await.unwrap_err().kind(), Kind::InvalidInput);
    });
}
