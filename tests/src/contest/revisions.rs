//! The changes of a prefix, revision by revision, as the server's JSON gateway tells them.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::Server;

/// The keys that change at once, without the prefix, and their new values; `None` is a deletion.
pub(crate) type Written = BTreeMap<String, Option<String>>;

/// Written below the prefix when everything else was: what comes before it is all.
const END: &str = "the-end-of-the-history";

/// All changes of what begins with a prefix since a revision, which must not be compacted, by a watch that looks back.
///
/// # Panics
/// If they cannot be read.
pub(crate) fn revisions(server: &Server, prefix: &str, since: u64) -> BTreeMap<u64, Written> {
    server.put(&format!("{prefix}{END}"), "1");
    let (key, end) = (STANDARD.encode(prefix), STANDARD.encode(format!("{prefix}\u{10ffff}")));
    let question =
        json!({"create_request": {"key": key, "range_end": end, "start_revision": since.to_string()}});
    let mut time = Duration::from_secs(1);
    loop {
        let (reply, _) = server.gateway_stream("/v3/watch", "accept: */*", &question.to_string(), time);
        let read = parse(&reply, prefix);
        if read.values().any(|written| written.contains_key(END)) {
            return read.into_iter().filter(|(_, written)| !written.contains_key(END)).collect();
        }
        assert!(
            time < Duration::from_secs(60),
            "the history does not come to its end: {} revisions",
            read.len()
        );
        time *= 3;
    }
}

/// Each line of the body is an answer; the last one may be cut off.
fn parse(reply: &str, prefix: &str) -> BTreeMap<u64, Written> {
    let mut read: BTreeMap<u64, Written> = BTreeMap::new();
    let answers = reply.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    for event in answers.flat_map(|answer| answer["result"]["events"].as_array().cloned().unwrap_or_default())
    {
        let text = |value: &Value| {
            let bytes = STANDARD.decode(value.as_str().unwrap_or_default()).expect("base64 from etcd");
            String::from_utf8(bytes).expect("a text that a test wrote")
        };
        let kv = &event["kv"];
        let revision = kv["mod_revision"].as_str().and_then(|number| number.parse().ok());
        let key = text(&kv["key"])[prefix.len()..].to_owned();
        let value = (event["type"] != "DELETE").then(|| text(&kv["value"]));
        read.entry(revision.expect("a revision from etcd")).or_default().insert(key, value);
    }
    read
}
