//! Directories, listings, and keys in order.

use std::time::{Duration, Instant};

use etcd_client_core::Kind;
use etcd_client_core::v2::{Action, Node};

use super::line::{on_each_line, refusal, refused};

fn names(node: &Node) -> Vec<&str> {
    node.nodes.iter().map(Node::name).collect()
}

#[test]
fn k17_mkdir_and_again() {
    on_each_line("k17", &async |line| {
        let made = line.client.mkdir(line.key("d")).replace_key().await.unwrap();
        assert_eq!((made.headers().status(), made.action()), (201, Action::Set));
        assert!(made.node().unwrap().dir && made.value().is_none());
        assert_eq!(refused(line.client.mkdir(line.key("d")).replace_key().await), (403, 102));
        assert_eq!(refused(line.client.mkdir(line.key("d")).await), (412, 105));
        // Without being asked to, a key is not replaced.
        line.client.set(line.key("k"), "precious").await.unwrap();
        assert_eq!(refused(line.client.mkdir(line.key("k")).await), (412, 105));
        assert_eq!(line.client.get(line.key("k")).await.unwrap().value(), Some("precious"));
        assert_eq!(line.client.mkdir(line.key("new")).await.unwrap().action(), Action::Create);
    });
}

#[test]
fn k19_rmdir() {
    on_each_line("k19", &async |line| {
        line.client.mkdir(line.key("empty")).await.unwrap();
        line.client.set(line.key("full/k"), "v").await.unwrap();
        assert_eq!(line.client.rmdir(line.key("empty")).await.unwrap().headers().status(), 200);
        assert_eq!(refused(line.client.rmdir(line.key("full")).await), (403, 108));
        line.client.rmdir(line.key("full")).recursive(true).await.unwrap();
        assert_eq!(refused(line.client.rmdir(line.key("full")).await), (404, 100));
    });
}

#[test]
fn k20_delete_on_a_directory() {
    on_each_line("k20", &async |line| {
        line.client.set(line.key("d/k"), "v").await.unwrap();
        assert_eq!(refused(line.client.delete(line.key("d")).await), (403, 102));
        let deleted = line.client.delete(line.key("d")).recursive(true).await.unwrap();
        assert_eq!(deleted.action(), Action::Delete);
        assert!(deleted.node().unwrap().dir);
    });
}

#[test]
fn k22_root_is_read_only() {
    on_each_line("k22", &async |line| {
        line.client.set(line.key("k"), "v").await.unwrap();
        assert_eq!(refused(line.client.set("/", "v").await), (400, 107));
        assert_eq!(refused(line.client.mkdir("/").replace_key().await), (400, 107));
        assert_eq!(refused(line.client.delete("/").recursive(true).await), (400, 107));
        let root = line.client.get("/").await.unwrap();
        assert!(root.node().unwrap().dir);
        assert_eq!((root.node().unwrap().key.as_str(), root.body().index()), ("/", None));
        assert!(names(root.node().unwrap()).contains(&"k22"));
    });
}

#[test]
fn k23_create_in_order() {
    on_each_line("k23", &async |line| {
        for value in ["v1", "v2", "v3"] {
            let created = line.client.create_in_order(line.key("q"), value).await.unwrap();
            assert_eq!((created.headers().status(), created.action()), (201, Action::Create));
            let node = created.node().unwrap();
            assert_eq!(node.key, format!("/k23/q/{:020}", node.modified_index));
        }
        let listed = line.client.get(line.key("q")).recursive(true).sorted(true).await.unwrap();
        let values: Vec<_> =
            listed.node().unwrap().nodes.iter().map(|node| node.value.as_deref().unwrap()).collect();
        assert_eq!(values, ["v1", "v2", "v3"]);
        assert!(names(listed.node().unwrap()).is_sorted());
    });
}

#[test]
fn k24_list_sorted_recursive_and_empty() {
    on_each_line("k24", &async |line| {
        for key in ["l/b", "l/a", "l/B", "l/z/y/x"] {
            line.client.set(line.key(key), "v").await.unwrap();
        }
        line.client.mkdir(line.key("empty")).await.unwrap();
        let flat = line.client.get(line.key("l")).sorted(true).await.unwrap();
        assert_eq!(names(flat.node().unwrap()), ["B", "a", "b", "z"]);
        assert!(flat.node().unwrap().nodes[3].nodes.is_empty());
        let deep = line.client.get(line.key("l")).recursive(true).sorted(true).await.unwrap();
        assert_eq!(deep.node().unwrap().walk().last().unwrap().key, "/k24/l/z/y/x");
        let empty = line.client.get(line.key("empty")).await.unwrap();
        assert!(empty.node().unwrap().dir && empty.node().unwrap().nodes.is_empty());
    });
}

#[test]
fn k25_hidden_keys() {
    on_each_line("k25", &async |line| {
        line.client.set(line.key("l/seen"), "v").await.unwrap();
        line.client.set(line.key("l/_h"), "v").await.unwrap();
        line.client.set(line.key("l/_hid/y"), "v").await.unwrap();
        let listed = line.client.get(line.key("l")).recursive(true).await.unwrap();
        assert_eq!(names(listed.node().unwrap()), ["seen"]);
        assert_eq!(line.client.get(line.key("l/_h")).await.unwrap().value(), Some("v"));
        let hidden = line.client.get(line.key("l/_hid")).await.unwrap();
        assert_eq!(names(hidden.node().unwrap()), ["y"]);
    });
}

#[test]
fn k30_update_a_directorys_ttl() {
    on_each_line("k30", &async |line| {
        line.client.mkdir(line.key("d")).await.unwrap();
        let started = Instant::now();
        let update = line.client.mkdir(line.key("d")).update().ttl(Duration::from_secs(60)).await;
        if line.is(3, 4) {
            let update = update.unwrap();
            assert_eq!((update.action(), update.node().unwrap().ttl), (Action::Update, Some(60)));
        } else {
            let error = update.unwrap_err();
            let (status, code, cause) = refusal(&error);
            assert_eq!((status, code, error.kind(), error.retries()), (500, 300, Kind::Server, 0));
            assert!(cause.contains("Not a file"), "{cause}");
            assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
        }
    });
}
