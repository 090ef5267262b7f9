//! The tree of keys: what it holds after a listing and after batches, and what it calls touched.

use etcd_client_core::{Batch, Change, Entry, Listing, Prefix};
use etcd_config::__private::{KeyTree, Replaced};

fn entry(key: &str, value: &str, revision: u64) -> Entry {
    Entry { key: key.to_owned().into(), value: value.to_owned().into(), revision }
}

fn put(key: &str, value: &str) -> Change {
    Change::Put(entry(key, value, 2))
}

fn delete(key: &str) -> Change {
    Change::Delete(key.to_owned().into())
}

fn tree(keys: &[&str]) -> KeyTree {
    let entries = keys.iter().map(|key| entry(key, key, 1)).collect();
    KeyTree::load(Prefix::new("/app"), &Listing { revision: 1, cluster: 0, entries })
}

fn apply(tree: &mut KeyTree, changes: Vec<Change>) -> Replaced {
    tree.apply(&Batch { revision: 2, changes })
}

fn keys(replaced: &Replaced) -> Vec<String> {
    replaced.keys(&Prefix::new("/app")).iter().map(ToString::to_string).collect()
}

#[test]
fn a_listing_is_read_in_any_order() {
    // In the order of bytes `-` comes before `/`: the directory is apart from its own key.
    let sorted = ["/app/a", "/app/a-b", "/app/a/c", "/app/a/d", "/app/b/x/y"];
    let mut reversed = sorted;
    reversed.reverse();
    for keys in [sorted, reversed] {
        let tree = tree(&keys);
        assert_eq!(tree.len(), 5);
        for key in keys {
            let path = key.strip_prefix("/app/").unwrap();
            assert_eq!(tree.get(path), Some(key.as_bytes()), "{key}");
        }
        assert_eq!(tree.get("b"), None);
        assert_eq!(tree.get("b/x"), None);
    }
}

#[test]
fn keys_outside_of_the_prefix_do_not_count() {
    let mut tree = tree(&["/app", "/application/x", "/other", "/app/in"]);
    assert_eq!(tree.len(), 1);
    let touched = apply(&mut tree, vec![put("/other", "x"), delete("/application/x"), put("/app", "x")]);
    assert!(touched.is_empty());
    assert_eq!(tree.len(), 1);
}

#[test]
fn what_is_touched_has_another_value() {
    let mut tree = tree(&["/app/a", "/app/b/c", "/app/gone"]);
    let changes = vec![
        put("/app/a", "/app/a"),
        put("/app/b/c", "new"),
        put("/app/b/d", ""),
        delete("/app/gone"),
        delete("/app/never"),
    ];
    let touched = apply(&mut tree, changes);
    assert_eq!(keys(&touched), ["/app/b/c", "/app/b/d", "/app/gone"]);
    assert!(touched.touched().contains("b/c") && touched.touched().contains("gone"));
    assert!(
        !touched.touched().contains("a")
            && !touched.touched().contains("b")
            && !touched.touched().contains("never")
    );
    assert_eq!(tree.len(), 3);
}

#[test]
fn what_is_touched_adds_up() {
    let mut tree = tree(&["/app/a"]);
    let mut all = apply(&mut tree, vec![put("/app/z", "1"), put("/app/a", "2")]);
    all.merge(&apply(&mut tree, vec![put("/app/a", "3"), put("/app/m/n", "1")]));
    assert_eq!(keys(&all), ["/app/a", "/app/m/n", "/app/z"]);
    assert!(all.touched().contains("m/n") && all.touched().contains("z"));
}

#[test]
fn a_directory_goes_with_its_last_key() {
    let mut tree = tree(&["/app/a/b/c", "/app/a/b/d", "/app/a/x"]);
    apply(&mut tree, vec![delete("/app/a/b/c"), delete("/app/a/b/d")]);
    assert_eq!(tree.len(), 1);
    let touched = apply(&mut tree, vec![Change::DeleteBelow("/app/a/".into())]);
    assert_eq!(keys(&touched), ["/app/a/x"]);
    assert!(tree.is_empty());
}

#[test]
fn the_whole_store_may_be_the_prefix() {
    let entries = vec![entry("/slash", "1", 1), entry("bare", "2", 1), entry("", "3", 1)];
    let tree = KeyTree::load(Prefix::new(""), &Listing { revision: 1, cluster: 0, entries });
    assert_eq!(tree.get("/slash"), Some(&b"1"[..]));
    assert_eq!(tree.get("bare"), Some(&b"2"[..]));
}
