//! What the store has held at each revision, noted with each write.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use etcd_client_core::{MemoryStore, Prefix};

use crate::state::{PAIR, PAIR_ACROSS, State, names};

/// The store, and every state that the prefix ever had.
#[derive(Clone)]
pub(crate) struct Past {
    store: MemoryStore,
    /// What is followed.
    prefix: Prefix,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    /// What it holds now.
    now: State,
    /// More than one where history was rewound.
    states: HashMap<u64, Vec<State>>,
    /// How often history was rewound.
    eras: u64,
}

impl Past {
    pub(crate) fn of(store: MemoryStore, prefix: Prefix) -> Self {
        let inner = Inner { now: State::empty(), states: HashMap::new(), eras: 0 };
        let past = Self { store, prefix, inner: Arc::new(Mutex::new(inner)) };
        past.note_all();
        past
    }

    /// What the prefix holds, whatever the store plays to others.
    pub(crate) fn truth(&self) -> State {
        let mut state = State::empty();
        names().for_each(|key| self.look(&mut state, key));
        state
    }

    fn look(&self, state: &mut State, key: &str) {
        if self.prefix.directory_of(key.as_bytes()).is_some() {
            state.set(key.as_bytes(), self.store.get(key).as_deref());
        }
    }

    /// These keys have been written.
    pub(crate) fn note<'k>(&self, keys: impl IntoIterator<Item = &'k str>) {
        let mut inner = self.inner();
        let mut now = inner.now;
        keys.into_iter().for_each(|key| self.look(&mut now, key));
        inner.now = now;
        inner.keep(self.store.revision());
    }

    /// Anything may have been written.
    pub(crate) fn note_all(&self) {
        let now = self.truth();
        let mut inner = self.inner();
        inner.now = now;
        inner.keep(self.store.revision());
    }

    /// Another history has begun.
    pub(crate) fn note_another(&self) {
        self.inner().eras += 1;
        self.note_all();
    }

    /// Whether all keys are followed, by one directory.
    pub(crate) fn is_whole(&self) -> bool {
        self.prefix.directory().is_empty()
    }

    /// Whether several directories are followed as one prefix.
    pub(crate) fn has_several(&self) -> bool {
        self.prefix.directories().len() > 1
    }

    /// What edits are decided on.
    pub(crate) fn edited(&self) -> Prefix {
        if self.is_whole() { Prefix::new("/p") } else { self.prefix.clone() }
    }

    /// The two keys that each edit writes.
    pub(crate) fn pair(&self) -> [&'static str; 2] {
        if self.has_several() { PAIR_ACROSS } else { PAIR }
    }

    pub(crate) fn eras(&self) -> u64 {
        self.inner().eras
    }

    /// What the prefix held at a revision.
    pub(crate) fn at(&self, revision: u64) -> Vec<State> {
        self.inner().states.get(&revision).cloned().unwrap_or_default()
    }

    /// Whether the prefix held this at a revision.
    pub(crate) fn was(&self, revision: u64, state: &State) -> bool {
        self.inner().states.get(&revision).is_some_and(|states| states.contains(state))
    }

    /// The edits that have ever been there.
    pub(crate) fn edits(&self) -> HashSet<u32> {
        self.inner().states.values().flatten().flat_map(State::edits).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Inner {
    fn keep(&mut self, revision: u64) {
        let states = self.states.entry(revision).or_default();
        if !states.contains(&self.now) {
            states.push(self.now);
        }
    }
}
