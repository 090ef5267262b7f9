//! The v2 API, as far as a [`History`](crate::History) needs it.

use serde_json::Value;

use crate::history::State;
use crate::server::Server;

/// Writes a key; the index of that.
pub(crate) fn put(server: &Server, key: &str, value: &str) -> Result<u64, String> {
    index_of(&ask(server, "PUT", key, &format!("value={}", encoded(value)))?["node"])
}

/// Deletes a key, or a directory with all that is in it; the index of that.
pub(crate) fn delete(server: &Server, key: &str) -> Result<u64, String> {
    index_of(&ask(server, "DELETE", &format!("{key}?recursive=true"), "")?["node"])
}

/// Everything in a directory, and the index at which it was so.
pub(crate) fn read(server: &Server, directory: &str) -> (u64, State) {
    let path = format!("{directory}?recursive=true&quorum=true");
    let reply = ask(server, "GET", &path, "").unwrap_or_else(|error| panic!("{directory}: {error}"));
    let mut state = State::new();
    collect(&reply["node"], directory, &mut state);
    (reply["index"].as_u64().unwrap_or_default(), state)
}

/// The first change in a directory from an index on: its index, the key's name and its value then.
pub(crate) fn change(server: &Server, directory: &str, from: u64) -> (u64, String, Option<String>) {
    let path = format!("{directory}?recursive=true&wait=true&waitIndex={from}");
    let reply = ask(server, "GET", &path, "").unwrap_or_else(|error| panic!("{directory}: {error}"));
    let node = &reply["node"];
    let index = index_of(node).unwrap_or_else(|error| panic!("{directory}: {error}"));
    let name = node["key"].as_str().and_then(|key| key.strip_prefix(directory)).unwrap_or_default();
    (index, name.to_owned(), node["value"].as_str().map(str::to_owned))
}

fn collect(node: &Value, directory: &str, state: &mut State) {
    for node in node["nodes"].as_array().into_iter().flatten() {
        collect(node, directory, state);
    }
    let name = node["key"].as_str().and_then(|key| key.strip_prefix(directory));
    if let (Some(name), Some(value)) = (name, node["value"].as_str()) {
        state.insert(name.to_owned(), value.to_owned());
    }
}

/// The reply; with the store's index where the key is not there, or where it was read.
fn ask(server: &Server, method: &str, path: &str, form: &str) -> Result<Value, String> {
    let (status, head, body) = server.v2(method, path, form).map_err(|error| error.to_string())?;
    let mut reply: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
    let is_missing = method == "GET" && reply["errorCode"] == 100;
    if status >= 300 && !is_missing {
        return Err(body);
    }
    let index = head.lines().find_map(|line| line.strip_prefix("X-Etcd-Index: "));
    reply["index"] = index.and_then(|index| index.trim().parse::<u64>().ok()).into();
    Ok(reply)
}

fn index_of(node: &Value) -> Result<u64, String> {
    node["modifiedIndex"].as_u64().ok_or_else(|| format!("no index in {node}"))
}

fn encoded(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
