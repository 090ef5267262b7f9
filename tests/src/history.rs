//! What really was in etcd, at each revision: the truth that the library is judged by.
//!
//! All of a test's writes go through a [`History`], by the JSON gateway and not by the library, so
//! that it knows every state even of revisions that are compacted by now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::server::Server;
use crate::stage::Api;
use crate::v2;

/// Keys below a prefix, without it, and their values.
pub type State = BTreeMap<String, String>;

/// The states of a prefix by the revision that made them.
pub(crate) type Era = BTreeMap<u64, State>;

/// What is in the lower layer where the upper one has something else.
const OVERRIDDEN: &str = "overridden";

/// What became of a prefix, or of two layers, and the pen that writes it.
///
/// Of two layers, half of the names are in both, so that most transactions write to both; what is in the lower one of
/// these is never to be seen.
#[derive(Debug)]
pub struct History<'s> {
    prefix: &'static str,
    /// What overrides it.
    over: Option<&'static str>,
    api: Api,
    server: Mutex<&'s Server>,
    /// A history that is rewound begins another era.
    eras: Mutex<Vec<Era>>,
}

impl<'s> History<'s> {
    /// The history of all keys that begin with `prefix`, from now on.
    pub fn of(server: &'s Server, prefix: &'static str) -> Self {
        Self::begin(Api::V3, server, prefix, None)
    }

    /// The same of the keys of the v2 API; without transactions.
    pub fn over_v2(server: &'s Server, prefix: &'static str) -> Self {
        Self::begin(Api::V2, server, prefix, None)
    }

    /// The history of what comes of the keys that begin with one of these prefixes, in ascending order; the second
    /// one overrides the first.
    pub(crate) fn of_layers(server: &'s Server, [prefix, over]: [&'static str; 2]) -> Self {
        Self::begin(Api::V3, server, prefix, Some(over))
    }

    fn begin(api: Api, server: &'s Server, prefix: &'static str, over: Option<&'static str>) -> Self {
        let (server, eras) = (Mutex::new(server), Mutex::new(vec![Era::new()]));
        let history = Self { prefix, over, api, server, eras };
        history.read();
        history
    }

    /// The whole keys that a name has, that of the upper layer first.
    pub fn keys(&self, name: &str) -> Vec<String> {
        let over = self.over.filter(|_| name.bytes().map(u32::from).sum::<u32>() % 2 == 1);
        over.iter().chain([&self.prefix]).map(|prefix| format!("{prefix}{name}")).collect()
    }

    /// Writes go to another member of the cluster from now on.
    pub fn go_on_at(&self, server: &'s Server) {
        *self.server.lock().expect("not poisoned") = server;
    }

    /// Writes one key; the revision of that.
    pub fn put(&self, name: &str, value: &str) -> u64 {
        self.write([(name, Some(value))])
    }

    /// Deletes one key; the revision of that.
    pub fn delete(&self, name: &str) -> u64 {
        self.write([(name, None)])
    }

    /// Deletes all keys in one revision.
    pub fn clear(&self) -> u64 {
        let clear = || {
            if self.api == Api::V2 {
                return v2::delete(self.server(), self.prefix);
            }
            let delete = |prefix: &&str| {
                let (key, end) = (STANDARD.encode(prefix), STANDARD.encode(format!("{prefix}\u{10ffff}")));
                json!({"requestDeleteRange": {"key": key, "range_end": end}})
            };
            self.transact(&self.prefixes().iter().map(delete).collect::<Vec<_>>())
        };
        self.commit(clear, State::clear).expect("deleted")
    }

    /// Writes and deletes keys in one transaction; its revision. Made again where the members have
    /// let it wait, as they do while they elect a leader.
    pub fn write<'w>(&self, writes: impl IntoIterator<Item = (&'w str, Option<&'w str>)>) -> u64 {
        let writes: Vec<_> = writes.into_iter().collect();
        let mut waits = 0;
        loop {
            match self.try_write(writes.iter().copied()) {
                Ok(revision) => return revision,
                Err(error) if error.contains("request timed out") && waits < 3 => {
                    waits += 1;
                    let known = last(&mut self.lock()).keys().last().copied();
                    self.catch_up(known.unwrap_or_default());
                }
                Err(error) => panic!("not written: {error}"),
            }
        }
    }

    /// As [`write`](Self::write), where the write may fail. What became of it then is not known
    /// before [`catch_up`](Self::catch_up).
    pub fn try_write<'w>(
        &self,
        writes: impl IntoIterator<Item = (&'w str, Option<&'w str>)>,
    ) -> Result<u64, String> {
        let writes: Vec<_> = writes.into_iter().collect();
        let write = || match (self.api, &writes[..]) {
            (Api::V2, &[(name, value)]) => {
                let key = format!("{}{name}", self.prefix);
                let server = self.server();
                value.map_or_else(|| v2::delete(server, &key), |value| v2::put(server, &key, value))
            }
            (Api::V2, _) => panic!("v2 has no transactions"),
            (Api::V3, _) => {
                self.transact(&writes.iter().flat_map(|write| self.operations(*write)).collect::<Vec<_>>())
            }
        };
        self.commit(write, |state| {
            for &(name, value) in &writes {
                match value {
                    Some(value) => state.insert(name.to_owned(), value.to_owned()),
                    None => state.remove(name),
                };
            }
        })
    }

    /// Forgets, in etcd, what was before its present revision.
    pub fn compact(&self) -> u64 {
        let (revision, _) = self.head();
        self.compact_at(revision);
        revision
    }

    /// Forgets, in etcd, what was before a revision.
    pub fn compact_at(&self, revision: u64) {
        let question = json!({"revision": revision.to_string(), "physical": true});
        self.ask("/v3/kv/compaction", &question).expect("compacted");
    }

    /// Takes etcd's present state for the last one: after a write of another.
    pub fn read(&self) {
        let (revision, state) = self.state(None);
        let mut eras = self.lock();
        last(&mut eras).insert(revision, state);
    }

    /// The present state is the first of another era: after a restore, a wipe, or in another cluster.
    pub fn begin_era(&self) {
        let (revision, state) = self.state(None);
        self.lock().push(Era::from([(revision, state)]));
    }

    /// Reads every state after that of `revision` from etcd: what became of writes that failed is
    /// known then. Over v2 the last write must have been successful, and one of the last thousand.
    pub fn catch_up(&self, revision: u64) {
        if self.api == Api::V2 {
            return self.replay(revision);
        }
        let (head, _) = self.state(None);
        for revision in revision + 1..=head {
            let (_, state) = self.state(Some(revision));
            last(&mut self.lock()).insert(revision, state);
        }
    }

    fn replay(&self, revision: u64) {
        let mut state = self.at(revision);
        let (head, mut next) = (self.head().0, revision + 1);
        while next <= head {
            let (index, name, value) = v2::change(self.server(), self.prefix, next);
            match value {
                Some(value) => state.insert(name, value),
                None => state.remove(&name),
            };
            last(&mut self.lock()).insert(index, state.clone());
            next = index + 1;
        }
    }

    /// The state at a revision.
    pub fn at(&self, revision: u64) -> State {
        let mut eras = self.lock();
        let state = state_at(last(&mut eras), revision);
        state.unwrap_or_else(|| panic!("revision {revision} is before the test's time")).clone()
    }

    /// The last state and its revision.
    pub fn head(&self) -> (u64, State) {
        let mut eras = self.lock();
        let (revision, state) = last(&mut eras).last_key_value().expect("the state at the start");
        (*revision, state.clone())
    }

    pub(crate) fn eras(&self) -> Vec<Era> {
        self.lock().clone()
    }

    fn commit(
        &self,
        write: impl FnOnce() -> Result<u64, String>,
        change: impl FnOnce(&mut State),
    ) -> Result<u64, String> {
        let mut eras = self.lock();
        let era = last(&mut eras);
        let mut state = era.last_key_value().map(|(_, state)| state.clone()).unwrap_or_default();
        change(&mut state);
        let revision = write()?;
        era.insert(revision, state);
        Ok(revision)
    }

    fn operations(&self, (name, value): (&str, Option<&str>)) -> Vec<Value> {
        let operation = |(place, key): (usize, &String)| {
            let key = STANDARD.encode(key);
            let value = value.map(|value| STANDARD.encode(if place == 0 { value } else { OVERRIDDEN }));
            match value {
                Some(value) => json!({"requestPut": {"key": key, "value": value}}),
                None => json!({"requestDeleteRange": {"key": key}}),
            }
        };
        self.keys(name).iter().enumerate().map(operation).collect()
    }

    fn transact(&self, operations: &[Value]) -> Result<u64, String> {
        self.ask("/v3/kv/txn", &json!({"success": operations})).map(|reply| revision_of(&reply))
    }

    /// What etcd holds, and its revision.
    fn state(&self, at: Option<u64>) -> (u64, State) {
        if self.api == Api::V2 {
            return v2::read(self.server(), self.prefix);
        }
        let (key, end) = self.span();
        let at = at.unwrap_or_default().to_string();
        let question = json!({"key": key, "range_end": end, "revision": at});
        let reply = self.ask("/v3/kv/range", &question).expect("read");
        let text = |value: &Value| {
            let bytes = STANDARD.decode(value.as_str().unwrap_or_default()).expect("base64 from etcd");
            String::from_utf8(bytes).expect("a text that a test wrote")
        };
        let kvs = reply["kvs"].as_array().cloned().unwrap_or_default();
        let entries: Vec<_> = kvs.iter().map(|kv| (text(&kv["key"]), text(&kv["value"]))).collect();
        let mut state = State::new();
        for prefix in self.prefixes() {
            let names = entries.iter().filter_map(|(key, value)| Some((key.strip_prefix(prefix)?, value)));
            state.extend(names.map(|(name, value)| (name.to_owned(), value.clone())));
        }
        (revision_of(&reply), state)
    }

    /// The lower layer first.
    fn prefixes(&self) -> Vec<&'static str> {
        [self.prefix].into_iter().chain(self.over).collect()
    }

    /// All keys, and with two layers others between them.
    fn span(&self) -> (String, String) {
        let prefixes = self.prefixes();
        let (first, last) = (prefixes[0], prefixes[prefixes.len() - 1]);
        (STANDARD.encode(first), STANDARD.encode(format!("{last}\u{10ffff}")))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Era>> {
        self.eras.lock().expect("not poisoned")
    }

    fn server(&self) -> &'s Server {
        *self.server.lock().expect("not poisoned")
    }

    fn ask(&self, path: &str, question: &Value) -> Result<Value, String> {
        let server = self.server();
        let answer = server.gateway(path, &question.to_string());
        let answer = answer.map_err(|error| format!("{path} at {}: {error}", server.name()))?;
        Ok(serde_json::from_str(&answer).expect("JSON from etcd"))
    }
}

/// The names whose values differ.
pub fn difference(old: &State, new: &State) -> BTreeSet<String> {
    let names = old.keys().chain(new.keys());
    names.filter(|&name| old.get(name) != new.get(name)).cloned().collect()
}

pub(crate) fn state_at(era: &Era, revision: u64) -> Option<&State> {
    era.range(..=revision).next_back().map(|(_, state)| state)
}

fn last(eras: &mut [Era]) -> &mut Era {
    eras.last_mut().expect("the first era")
}

fn revision_of(reply: &Value) -> u64 {
    let revision = reply["header"]["revision"].as_str().and_then(|revision| revision.parse().ok());
    revision.unwrap_or_else(|| panic!("no revision in {reply}"))
}
