//! Reading and writing keys.

use std::time::{Duration, Instant};

use etcd_client_core::Kind;
use etcd_client_core::v2::{Action, Answer, ErrorCode, Refusal};
use tokio::time::sleep;

use super::line::{on_each_line, on_own_servers, refusal, refused};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn k01_set_new_key() {
    on_own_servers("k01", &async |line| {
        let set = line.client.set(line.key("k"), "v").await.unwrap();
        let node = set.node().unwrap();
        assert_eq!((set.headers().status(), set.action()), (201, Action::Set));
        assert_eq!((node.key.as_str(), set.value()), ("/k01/k", Some("v")));
        assert_eq!(node.modified_index, node.created_index);
        assert_eq!(set.headers().etcd_index(), Some(node.modified_index));
        assert_eq!(set.body().prev_node, None);
    });
}

#[test]
fn k02_set_existing_key() {
    on_each_line("k02", &async |line| {
        let first = line.client.set(line.key("k"), "old").await.unwrap();
        let second = line.client.set(line.key("k"), "new").await.unwrap();
        assert_eq!(second.headers().status(), 200);
        assert_eq!(second.body().prev_node, first.into_body().node);
        let node = second.node().unwrap();
        assert_eq!(node.created_index, node.modified_index, "a plain set makes the key anew");
    });
}

#[test]
fn k03_get_key_and_what_the_reply_says_about_the_server() {
    on_each_line("k03", &async |line| {
        line.client.set(line.key("k"), "v").await.unwrap();
        let got = line.client.get(line.key("k")).await.unwrap();
        let headers = got.headers();
        assert_eq!((headers.status(), got.action(), got.value()), (200, Action::Get, Some("v")));
        assert!(headers.etcd_index() >= Some(got.node().unwrap().modified_index));
        assert!(headers.raft_index() > Some(0) && headers.raft_term() > Some(0));
        assert!(headers.cluster_id().is_some_and(|id| id != 0));
        assert_eq!(headers.get("Content-Type"), Some("application/json"));
    });
}

#[test]
fn k04_get_missing() {
    on_each_line("k04", &async |line| {
        line.client.set(line.key("k"), "v").await.unwrap();
        let error = line.client.get(line.key("nope")).await.unwrap_err();
        assert_eq!(refusal(&error), (404, 100, "/k04/nope"));
        let refusal = Refusal::of(&error).unwrap();
        assert_eq!((refusal.code(), refusal.message()), (Some(ErrorCode::KeyNotFound), "Key not found"));
        assert!(refusal.index() > Some(0));
        assert_eq!((error.kind(), error.code()), (Kind::NotFound, Some(100)));
    });
}

#[test]
fn k05_set_with_ttl_then_expiry() {
    on_each_line("k05", &async |line| {
        line.client.set(line.key("k"), "v").ttl(Duration::from_secs(1)).await.unwrap();
        let got = line.client.get(line.key("k")).await.unwrap();
        let node = got.node().unwrap();
        assert_eq!(node.ttl, Some(1));
        let expiration = node.expiration.as_deref().unwrap();
        assert!(
            expiration.contains('T') && expiration.contains('.') && expiration.ends_with('Z'),
            "{expiration}"
        );
        let start = Instant::now();
        while line.client.get(line.key("k")).await.is_ok() {
            assert!(start.elapsed() < Duration::from_secs(10), "it lives on");
            sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(refused(line.client.get(line.key("k")).await), (404, 100));
    });
}

#[test]
fn k07_refresh_errors() {
    on_each_line("k07", &async |line| {
        let key = line.key("k");
        line.client.set(&key, "v").ttl(MINUTE).await.unwrap();
        let put = |fields: &[(&str, &str)]| {
            let call = line
                .client
                .raw("PUT", format!("/v2/keys{key}"))
                .query("refresh", "true")
                .query("prevExist", "true");
            fields.iter().fold(call, |call, (name, value)| call.form(*name, *value))
        };
        assert_eq!(refused(put(&[("value", "x"), ("ttl", "9")]).await), (400, 211));
        assert_eq!(refused(put(&[("value", "")]).await), (400, 212));
        assert_eq!(refused(line.client.refresh(line.key("nokey"), MINUTE).await), (404, 100));

        let before = line.client.get(&key).await.unwrap().into_body().node.unwrap();
        let refreshed = line.client.refresh(&key, Duration::from_secs(600)).await.unwrap();
        let node = refreshed.node().unwrap();
        assert_eq!((node.created_index, node.ttl), (before.created_index, Some(600)));
        assert_eq!(line.client.get(&key).await.unwrap().value(), Some("v"));
    });
}

#[test]
fn k08_remove_ttl() {
    on_each_line("k08", &async |line| {
        let key = line.key("k");
        line.client.set(&key, "v").ttl(Duration::from_secs(100)).await.unwrap();
        line.client.set(&key, "v").without_ttl().prev_exist(true).await.unwrap();
        let node = line.client.get(&key).await.unwrap().into_body().node.unwrap();
        assert_eq!((node.ttl, node.expiration), (None, None));
    });
}

#[test]
fn k09_bad_ttl() {
    on_each_line("k09", &async |line| {
        for ttl in ["-1", "1.5", "abc"] {
            let path = format!("v2/keys{}", line.key("k"));
            let error = line.client.raw("PUT", path).form("value", "v").form("ttl", ttl).await.unwrap_err();
            assert_eq!((refusal(&error).0, refusal(&error).1), (400, 202), "{ttl}");
            assert_eq!(Refusal::of(&error).unwrap().index(), None, "index 0 is none");
        }
        for ttl in [Duration::ZERO, Duration::from_millis(1500)] {
            let error = line.client.set(line.key("k"), "v").ttl(ttl).await.unwrap_err();
            assert_eq!(error.kind(), Kind::InvalidInput, "{ttl:?}");
        }
        assert_eq!(refused(line.client.get(line.key("k")).await), (404, 100));
    });
}

#[test]
fn k15_delete_key_then_missing() {
    on_each_line("k15", &async |line| {
        line.client.set(line.key("k"), "v").await.unwrap();
        let deleted = line.client.delete(line.key("k")).await.unwrap();
        assert_eq!((deleted.headers().status(), deleted.action()), (200, Action::Delete));
        assert_eq!(deleted.value(), None);
        assert_eq!(deleted.body().prev_node.as_ref().unwrap().value.as_deref(), Some("v"));
        assert_eq!(refused(line.client.delete(line.key("k")).await), (404, 100));
    });
}

#[test]
fn k27_no_value_on_success() {
    on_each_line("k27", &async |line| {
        for status in [201, 200] {
            let set = line.client.set(line.key("k"), "v").no_value_on_success().await.unwrap();
            assert_eq!(set.headers().status(), status);
            assert!(matches!(set.body(), Answer { action: Action::Set, node: None, prev_node: None, .. }));
        }
        assert_eq!(line.client.get(line.key("k")).await.unwrap().value(), Some("v"));
    });
}

#[test]
fn k28_quorum_get() {
    on_own_servers("k28", &async |line| {
        line.client.set(line.key("k"), "v").await.unwrap();
        // The server writes to its log by itself, too, but not always just then.
        let mut grown = Vec::new();
        for _ in 0..20 {
            let plain = line.client.get(line.key("k")).await.unwrap();
            let quorum = line.client.get(line.key("k")).quorum(true).await.unwrap();
            assert_eq!(quorum.headers().status(), 200);
            grown.push(quorum.headers().raft_index().unwrap() - plain.headers().raft_index().unwrap());
        }
        assert!(grown.iter().all(|by| *by >= 1), "{grown:?}");
        assert!(grown.iter().filter(|by| **by == 1).count() > 10, "{grown:?}");
    });
}

#[test]
fn k29_bad_option_value() {
    on_each_line("k29", &async |line| {
        let path = format!("/v2/keys{}", line.key("k"));
        let error = line.client.raw("GET", path).query("recursive", "yes").await.unwrap_err();
        assert_eq!((refusal(&error).0, refusal(&error).1), (400, 209));
        assert_eq!(Refusal::of(&error).unwrap().index(), None, "index 0 is none");
    });
}
