//! A configuration with layers, on the page.

use std::collections::BTreeMap;

use etcd_config::http::service;
use etcd_config::{EtcdConfig, MemoryStore, Secret};

use crate::asking::{Stream, get};
use crate::service::{PLANTED, SOON, watched};

#[derive(EtcdConfig)]
#[etcd(prefix = "/app", layers("/app@<b>"))]
struct Layered {
    #[etcd(default = 1)]
    _workers: u32,
    _token: Secret<String>,
    #[etcd(map)]
    _limits: BTreeMap<String, u32>,
}

#[test]
fn the_layer_is_a_column_and_what_is_overridden_is_in_it() {
    let store = MemoryStore::from([
        ("/app/_workers", "1"),
        ("/app/_token", PLANTED),
        ("/app@<b>/_token", PLANTED),
        ("/app/_limits/a", "3"),
    ]);
    let settings = Layered::watch(&store).unwrap();
    let page = service(&settings);
    let html = get(&page, "/").text;
    assert!(html.contains("<th scope=\"col\">Layer</th>"), "{html}");
    assert!(html.contains("<td class=\"layer\" data-label=\"Layer\"><code>/app</code></td>"), "{html}");
    let token = "<code>/app@&lt;b&gt;</code><p class=\"overrides\">overrides ••• of /app</p></td>";
    assert!(html.contains(token), "{html}");
    let mut stream = Stream::open(&page);
    let revision = store.put("/app@<b>/_workers", "2");
    settings.wait_for_callbacks(revision, SOON).unwrap();
    let event = stream.until("overrides 1 of /app<");
    assert!(event.starts_with("event: values\n"), "{event}");
    let json = get(&page, "/explain.json").json();
    assert_eq!(json[0]["overrides"][0]["key"], "/app/_workers");
    assert!(!get(&page, "/").text.contains(PLANTED) && !json.to_string().contains(PLANTED));
}

#[test]
fn without_layers_there_is_none() {
    let (_store, settings) = watched();
    let html = get(&service(&settings), "/").text;
    assert!(!html.contains("Layer</th>") && !html.contains("class=\"layer\""), "{html}");
}
