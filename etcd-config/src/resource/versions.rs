//! Which version of a resource belongs to which snapshot.
//!
//! A version is put in place before its snapshot is published. Readers take the one that belongs to the published
//! snapshot, so it comes into force by that publication and by nothing else.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::publish::current::Current;

/// The versions of one resource.
pub(crate) struct Versions<R> {
    held: ArcSwap<Held<R>>,
    /// Where the published snapshot is.
    current: Arc<dyn Current>,
}

/// The newest version, and the one before it until the newest is in force.
pub(crate) struct Held<R> {
    newest: Version<R>,
    former: Option<Version<R>>,
}

struct Version<R> {
    /// The number of the first snapshot that it belongs to.
    since: u64,
    value: Arc<R>,
}

impl<R> Versions<R> {
    pub(crate) fn new(value: R, since: u64, current: Arc<dyn Current>) -> Self {
        let newest = Version { since, value: Arc::new(value) };
        Self { held: ArcSwap::from_pointee(Held { newest, former: None }), current }
    }

    /// The versions, and whether the former one belongs to the published snapshot.
    pub(super) fn load(&self) -> (Guard<Arc<Held<R>>>, bool) {
        loop {
            // In this order: what is published later is put in place later.
            let number = self.current.number();
            let held = self.held.load();
            if let Some(is_former) = held.place(number) {
                return (held, is_former);
            }
            // Two snapshots were published in between.
        }
    }

    /// The one that belongs to a snapshot, if it is still there.
    pub(super) fn of(&self, number: u64) -> Option<Arc<R>> {
        let held = self.held.load();
        held.place(number).map(|is_former| Arc::clone(held.value(is_former)))
    }

    /// Puts a version in place for the snapshot that is published next.
    pub(super) fn add(&self, since: u64, value: Arc<R>) {
        let newest = Version { since, value };
        let former = Some(self.held.load().newest.clone());
        self.held.store(Arc::new(Held { newest, former }));
    }

    /// The snapshot is published: returns what is not in force any more, to be dropped elsewhere.
    pub(super) fn retire(&self) -> Arc<Held<R>> {
        let newest = self.held.load().newest.clone();
        self.held.swap(Arc::new(Held { newest, former: None }))
    }
}

impl<R> Held<R> {
    /// Whether the former version belongs to this snapshot; `None` if neither does.
    fn place(&self, number: u64) -> Option<bool> {
        let is_of = |version: &Version<R>| version.since <= number;
        if is_of(&self.newest) {
            return Some(false);
        }
        self.former.as_ref().is_some_and(is_of).then_some(true)
    }

    pub(super) fn value(&self, is_former: bool) -> &Arc<R> {
        match &self.former {
            Some(former) if is_former => &former.value,
            _ => &self.newest.value,
        }
    }
}

impl<R> Clone for Version<R> {
    fn clone(&self) -> Self {
        Self { since: self.since, value: Arc::clone(&self.value) }
    }
}
