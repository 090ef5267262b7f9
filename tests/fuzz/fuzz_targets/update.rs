//! Bringing a value up to date comes to the same as reading it anew.
#![no_main]

use std::collections::{BTreeMap, HashMap};

use arbitrary::Arbitrary;
use etcd_client_core::{Batch, Change, Entry, Prefix};
use etcd_config::__private::{Context, KeyTree, Touched, decode, update};
use etcd_config::EtcdConfig;

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/f")]
struct Settings {
    #[etcd(default = 1, alias = "b")]
    a: u8,
    #[etcd(default)]
    text: String,
    limit: Option<i8>,
    #[etcd(map)]
    map: BTreeMap<String, u8>,
    #[etcd(map)]
    numbers: HashMap<i8, bool>,
    #[etcd(nested)]
    inner: Option<Inner>,
    #[etcd(nested)]
    each: BTreeMap<String, Inner>,
}

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(validate = Inner::check)]
struct Inner {
    x: i8,
    #[etcd(default = 3)]
    y: i8,
}

impl Inner {
    fn check(&self) -> Result<(), String> {
        if self.x == self.y { Err("x is y".to_owned()) } else { Ok(()) }
    }
}

const KEYS: &[&str] = &[
    "a",
    "b",
    "text",
    "limit",
    "map",
    "map/a",
    "map/b",
    "map/",
    "map/a/b",
    "numbers/1",
    "numbers/01",
    "numbers/x",
    "inner",
    "inner/x",
    "inner/y",
    "each/one/x",
    "each/one/y",
    "each/two/x",
    "each//x",
    "each/one",
    "",
    "other",
    "a/b",
    "/a",
];
const VALUES: &[&str] = &["", "1", "2", "3", "300", "x", "true", " 1", "[1]", "\u{0}"];

#[derive(Arbitrary, Debug)]
struct Step {
    changes: Vec<(u8, Option<u8>)>,
    below: Option<u8>,
}

fn key(number: u8) -> bytes::Bytes {
    format!("/f/{}", KEYS[usize::from(number) % KEYS.len()]).into()
}

fn batch(revision: u64, step: &Step) -> Batch {
    let mut changes: Vec<Change> = Vec::new();
    for (name, value) in &step.changes {
        let key = key(*name);
        changes.push(match value {
            None => Change::Delete(key),
            Some(value) => {
                let value = VALUES[usize::from(*value) % VALUES.len()].into();
                Change::Put(Entry { key, value, revision })
            }
        });
    }
    changes.extend(step.below.map(|name| Change::DeleteBelow(key(name))));
    Batch { revision, changes }
}

libfuzzer_sys::fuzz_target!(|steps: Vec<Step>| {
    let prefix = Prefix::new("/f");
    let mut tree = KeyTree::new(prefix.clone());
    let context = Context::new::<Settings>(prefix);
    let mut held = decode::<Settings>(&tree, &context).expect("everything has a default");
    let mut behind = Touched::default();
    for (revision, step) in (2..).zip(&steps) {
        behind.merge(&tree.apply(&batch(revision, step)).touched());
        let anew = decode::<Settings>(&tree, &context);
        let updated = update(&mut held, &tree, &behind, &context);
        match (anew, updated) {
            (Ok(anew), Ok(())) => {
                assert_eq!(held, anew);
                behind = Touched::default();
            }
            (Err(_), Err(_)) => {}
            (anew, updated) => panic!("anew: {anew:?}, updated: {updated:?}"),
        }
    }
});
