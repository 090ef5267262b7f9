//! Any bytes in a key make a value or a problem; one that is secret is not repeated.
#![no_main]

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use etcd_client_core::{Entry, Listing, Prefix};
use etcd_config::__private::{Context, KeyTree, decode};
use etcd_config::EtcdConfig;

#[derive(EtcdConfig)]
#[etcd(prefix = "/f")]
#[allow(dead_code)]
struct Leaf<T: serde::de::DeserializeOwned + Send + Sync + 'static> {
    value: T,
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/f")]
#[allow(dead_code)]
struct Secret {
    #[etcd(secret)]
    value: Vec<(u8, char, Shape)>,
}

#[derive(serde::Deserialize)]
#[allow(dead_code)]
enum Shape {
    Point,
    Circle(f64),
    Box { width: i8, depth: Option<Box<Shape>> },
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
#[allow(dead_code)]
enum Any {
    Number(i128),
    Text(String),
    List(Vec<Any>),
    Map(HashMap<String, Any>),
}

fn read<T: EtcdConfig>(bytes: &[u8]) -> String {
    let prefix = Prefix::new("/f");
    let value = bytes::Bytes::copy_from_slice(bytes);
    let entries = vec![Entry { key: "/f/value".into(), value, revision: 2 }];
    let tree = KeyTree::load(prefix.clone(), &Listing { revision: 2, cluster: 1, entries });
    let problems = decode::<T>(&tree, &Context::new::<T>(prefix)).err().unwrap_or_default();
    problems.iter().map(|problem| format!("{problem} {problem:?}")).collect()
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    read::<Leaf<u8>>(bytes);
    read::<Leaf<i64>>(bytes);
    read::<Leaf<u128>>(bytes);
    read::<Leaf<f32>>(bytes);
    read::<Leaf<bool>>(bytes);
    read::<Leaf<char>>(bytes);
    read::<Leaf<String>>(bytes);
    read::<Leaf<()>>(bytes);
    read::<Leaf<SocketAddr>>(bytes);
    read::<Leaf<Option<Option<u16>>>>(bytes);
    read::<Leaf<Vec<String>>>(bytes);
    read::<Leaf<(u8, String, [i8; 3])>>(bytes);
    read::<Leaf<BTreeMap<i32, Shape>>>(bytes);
    read::<Leaf<Shape>>(bytes);
    read::<Leaf<Any>>(bytes);
    let said = read::<Secret>(bytes);
    if let Ok(text) = std::str::from_utf8(bytes)
        && text.len() > 24
    {
        assert!(!said.contains(text), "{said}");
    }
});
