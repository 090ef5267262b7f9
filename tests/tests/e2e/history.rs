//! What really was in etcd, at each revision: the truth that the library is judged by.
//!
//! All of a test's writes go through a [`History`], by the JSON gateway and not by the library, so
//! that it knows every state even of revisions that are compacted by now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use etcd_config_tests::Server;
use serde_json::{Value, json};

/// Keys below a prefix, without it, and their values.
pub(crate) type State = BTreeMap<String, String>;

pub(crate) struct History<'s> {
    prefix: &'static str,
    server: Mutex<&'s Server>,
    states: Mutex<BTreeMap<u64, State>>,
}

impl<'s> History<'s> {
    /// The history of all keys that begin with `prefix`, from now on.
    pub(crate) fn of(server: &'s Server, prefix: &'static str) -> Self {
        let history = Self { prefix, server: Mutex::new(server), states: Mutex::default() };
        history.read();
        history
    }

    /// Writes go to another member of the cluster from now on.
    pub(crate) fn go_on_at(&self, server: &'s Server) {
        *self.server.lock().expect("not poisoned") = server;
    }

    /// Writes one key; the revision of that.
    pub(crate) fn put(&self, name: &str, value: &str) -> u64 {
        self.write([(name, Some(value))])
    }

    /// Deletes one key; the revision of that.
    pub(crate) fn delete(&self, name: &str) -> u64 {
        self.write([(name, None)])
    }

    /// Writes and deletes keys in one transaction; its revision.
    pub(crate) fn write<'w>(&self, writes: impl IntoIterator<Item = (&'w str, Option<&'w str>)>) -> u64 {
        let mut states = self.lock();
        let mut state = states.last_key_value().map(|(_, state)| state.clone()).unwrap_or_default();
        let mut operations = Vec::new();
        for (name, value) in writes {
            let key = STANDARD.encode(format!("{}{name}", self.prefix));
            if let Some(value) = value {
                state.insert(name.to_owned(), value.to_owned());
                operations.push(json!({"requestPut": {"key": key, "value": STANDARD.encode(value)}}));
            } else {
                state.remove(name);
                operations.push(json!({"requestDeleteRange": {"key": key}}));
            }
        }
        let reply = self.ask("/v3/kv/txn", &json!({"success": operations}));
        let revision = revision_of(&reply);
        states.insert(revision, state);
        revision
    }

    /// Forgets, in etcd, what was before its present revision.
    pub(crate) fn compact(&self) -> u64 {
        let (revision, _) = self.head();
        self.ask("/v3/kv/compaction", &json!({"revision": revision.to_string(), "physical": true}));
        revision
    }

    /// Takes etcd's present state for the last one: after a restore, a wipe, or a write of another.
    pub(crate) fn read(&self) {
        let key = STANDARD.encode(self.prefix);
        let end = STANDARD.encode(format!("{}\u{10ffff}", self.prefix));
        let reply = self.ask("/v3/kv/range", &json!({"key": key, "range_end": end}));
        let text = |value: &Value| {
            let bytes = STANDARD.decode(value.as_str().unwrap_or_default()).expect("base64 from etcd");
            String::from_utf8(bytes).expect("a text that a test wrote")
        };
        let kvs = reply["kvs"].as_array().cloned().unwrap_or_default();
        let entry = |kv: &Value| (text(&kv["key"])[self.prefix.len()..].to_owned(), text(&kv["value"]));
        let state = kvs.iter().map(entry).collect();
        let revision = revision_of(&reply);
        let mut states = self.lock();
        states.retain(|&before, _| before < revision);
        states.insert(revision, state);
    }

    /// The state at a revision.
    pub(crate) fn at(&self, revision: u64) -> State {
        let states = self.lock();
        let state = states.range(..=revision).next_back();
        state.unwrap_or_else(|| panic!("revision {revision} is before the test's time")).1.clone()
    }

    /// The last state and its revision.
    pub(crate) fn head(&self) -> (u64, State) {
        let states = self.lock();
        let (revision, state) = states.last_key_value().expect("the state at the start");
        (*revision, state.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, State>> {
        self.states.lock().expect("not poisoned")
    }

    fn ask(&self, path: &str, question: &Value) -> Value {
        let server = *self.server.lock().expect("not poisoned");
        let answer = server.gateway(path, &question.to_string());
        let answer = answer.unwrap_or_else(|error| panic!("{path} at {}: {error}", server.name()));
        serde_json::from_str(&answer).expect("JSON from etcd")
    }
}

/// The names whose values differ.
pub(crate) fn difference(old: &State, new: &State) -> BTreeSet<String> {
    let names = old.keys().chain(new.keys());
    names.filter(|&name| old.get(name) != new.get(name)).cloned().collect()
}

fn revision_of(reply: &Value) -> u64 {
    let revision = reply["header"]["revision"].as_str().and_then(|revision| revision.parse().ok());
    revision.unwrap_or_else(|| panic!("no revision in {reply}"))
}
