//! `OpenMetrics`, held against its grammar.

use std::collections::{BTreeMap, BTreeSet};

use etcd_config::EtcdConfig;
use etcd_config::http::service;

use crate::asking::get;
use crate::service::{Service, put, watched};

/// The samples by their names, after the text was looked at as a reader of `OpenMetrics` does.
fn samples(text: &str, labels: &str) -> BTreeMap<String, String> {
    let text = text.strip_suffix("# EOF\n").expect("it ends with its end");
    let mut samples = BTreeMap::new();
    let mut family = ("", "");
    for line in text.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            family = declared.split_once(' ').expect("a name and a type");
            assert!(["counter", "gauge"].contains(&family.1), "{line}");
        } else if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(help.starts_with(family.0), "{line}");
        } else {
            let (name, rest) = line.split_once('{').expect("labels");
            let (found, value) = rest.rsplit_once("} ").expect("a value");
            assert_eq!(found, labels);
            let suffix = if family.1 == "counter" { "_total" } else { "" };
            assert_eq!(name, format!("{}{suffix}", family.0));
            let before = samples.insert(name.to_owned(), value.to_owned());
            assert!(before.is_none(), "{name} is there twice");
        }
    }
    samples
}

/// The names in the tables of the guide.
fn documented() -> BTreeSet<String> {
    let guide = include_str!("../../src/docs/metrics_and_alerts.md");
    let names = guide.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    names.map(|(name, _)| name.to_owned()).filter(|name| name.starts_with("etcd_config_")).collect()
}

#[test]
fn counters_and_gauges_are_those_of_the_status() {
    let (store, settings) = watched();
    let page = service(&settings);
    put(&store, &settings, "workers", "9");
    let refused = put(&store, &settings, "workers", "many");
    let text = get(&page, "/metrics").text;
    let samples = samples(&text, "config=\"Service\",prefix=\"/service\"");
    assert_eq!(samples.keys().cloned().collect::<BTreeSet<_>>(), documented(), "{text}");
    let status = settings.status();
    let is = |name: &str, value: u64| {
        assert_eq!(samples[&format!("etcd_config_{name}")], value.to_string(), "{name}\n{text}");
    };
    is("snapshots_total", 2);
    is("rejections_total", 1);
    is("rejecting", 1);
    is("watching", 1);
    is("from_cache", 0);
    is("revision", refused);
    is("snapshot_revision", status.snapshot_revision);
    let time = |name: &str| samples[&format!("etcd_config_{name}_timestamp_seconds")].parse::<f64>().unwrap();
    assert!(time("confirmed") > 1.7e9 && time("proven_current") <= time("confirmed"));
}

#[test]
fn a_prefix_is_a_label_whatever_is_in_it() {
    let store = etcd_config::MemoryStore::new();
    let settings = Service::options().prefix("/a\"b\\c").watch(&store).unwrap();
    let text = get(&service(&settings), "/metrics").text;
    assert_eq!(samples(&text, r#"config="Service",prefix="/a\"b\\c""#).len(), documented().len());
}
