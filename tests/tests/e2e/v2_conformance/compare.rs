//! Writing and deleting where something holds.

use etcd_client_core::Kind;
use etcd_client_core::v2::Action;

use super::line::{on_each_line, refusal, refused};

#[test]
fn k10_compare_value_and_swap() {
    on_each_line("k10", &async |line| {
        let key = line.key("k");
        let created = line.client.set(&key, "a").await.unwrap().into_body().node.unwrap().created_index;
        let swapped = line.client.compare_and_swap(&key, "b", "a").await.unwrap();
        assert_eq!((swapped.headers().status(), swapped.action()), (200, Action::CompareAndSwap));
        assert_eq!(swapped.node().unwrap().created_index, created);
        let error = line.client.compare_and_swap(&key, "c", "WRONG").await.unwrap_err();
        assert_eq!(refusal(&error), (412, 101, "[WRONG != b]"));
        assert_eq!((error.kind(), error.maybe_applied()), (Kind::Conflict, false));
        assert_eq!(refused(line.client.compare_and_swap(line.key("nokey"), "x", "a").await), (404, 100));
        let deleted = line.client.compare_and_delete(&key, "b").await.unwrap();
        assert_eq!(deleted.action(), Action::CompareAndDelete);
    });
}

#[test]
fn k11_compare_index_and_swap() {
    on_each_line("k11", &async |line| {
        let key = line.key("k");
        let old = line.client.set(&key, "v").await.unwrap().into_body().index().unwrap();
        let swapped = line.client.compare_index_and_swap(&key, "v", old).await.unwrap();
        assert_eq!((swapped.headers().status(), swapped.action()), (200, Action::CompareAndSwap));
        let new = swapped.into_body().index().unwrap();
        let error = line.client.compare_index_and_swap(&key, "w", old).await.unwrap_err();
        assert_eq!(refusal(&error), (412, 101, &*format!("[{old} != {new}]")));
        let error = line.client.compare_index_and_swap(&key, "w", old).prev_value("ZZ").await.unwrap_err();
        assert_eq!(refusal(&error), (412, 101, &*format!("[ZZ != v] [{old} != {new}]")));
        assert_eq!(refused(line.client.compare_index_and_delete(&key, old).await), (412, 101));
        line.client.compare_index_and_delete(&key, new).await.unwrap();
    });
}

#[test]
fn k12_compare_with_an_empty_value() {
    on_each_line("k12", &async |line| {
        let key = line.key("k");
        line.client.set(&key, "old").await.unwrap();
        let error = line.client.compare_and_swap(&key, "new", "").await.unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
        assert!(error.to_string().contains("prev_index()"), "{error}");
        let error = line.client.compare_and_delete(&key, "").await.unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
        assert_eq!(line.client.get(&key).await.unwrap().value(), Some("old"));
    });
}

#[test]
fn k13_compare_with_index_0() {
    on_each_line("k13", &async |line| {
        let key = line.key("k");
        line.client.set(&key, "old").await.unwrap();
        let error = line.client.set(&key, "new").prev_index(0).await.unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
        assert!(error.to_string().contains("prev_exist(false)"), "{error}");
        assert_eq!(
            line.client.compare_index_and_delete(&key, 0).await.unwrap_err().kind(),
            Kind::InvalidInput
        );
        assert_eq!(line.client.get(&key).await.unwrap().value(), Some("old"));
    });
}

#[test]
fn k14_previous_existence() {
    on_each_line("k14", &async |line| {
        let key = line.key("k");
        let created = line.client.set(&key, "a").prev_exist(false).await.unwrap();
        assert_eq!((created.headers().status(), created.action()), (201, Action::Create));
        assert_eq!(refused(line.client.set(&key, "a").prev_exist(false).await), (412, 105));
        let updated = line.client.set(&key, "b").prev_exist(true).await.unwrap();
        assert_eq!((updated.headers().status(), updated.action()), (200, Action::Update));
        assert_eq!(updated.node().unwrap().created_index, created.node().unwrap().created_index);
        assert_eq!(refused(line.client.set(line.key("nokey"), "c").prev_exist(true).await), (404, 100));
        let mixed = line.client.set(line.key("new"), "c").prev_exist(false).prev_value("x").await;
        assert_eq!(mixed.unwrap_err().kind(), Kind::InvalidInput);
    });
}
