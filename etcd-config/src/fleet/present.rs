//! Which instances there are, by what a watcher reports of their entries.

use std::collections::BTreeMap;

use bytes::Bytes;
use etcd_client_core::watcher::Event;
use etcd_client_core::{Change, Entry, Error, Prefix};

use super::instance::Instance;
use crate::live::first_load::is_final;

/// The instances that are there.
pub(crate) struct Present {
    /// Where their entries are.
    entries: Prefix,
    /// Not before the first listing.
    instances: Option<BTreeMap<Bytes, Instance>>,
    /// Why the entries cannot be followed at the moment.
    pub(crate) error: Option<Error>,
}

impl Present {
    pub(crate) fn new(entries: Prefix) -> Self {
        Self { entries, instances: None, error: None }
    }

    /// Takes an event; whether the instances may be others now. An error says that they cannot be followed for good.
    pub(crate) fn take(&mut self, event: &Event) -> Result<bool, Error> {
        match event {
            Event::Listed(listing) => {
                self.instances = Some(BTreeMap::new());
                listing.entries.iter().for_each(|entry| self.put(entry));
            }
            Event::Changed { batch, .. } => {
                for change in &batch.changes {
                    match change {
                        Change::Put(entry) => self.put(entry),
                        Change::Delete(key) => {
                            self.instances.iter_mut().for_each(|all| drop(all.remove(key)));
                        }
                        // A watcher reports each key.
                        Change::DeleteBelow(_) => {}
                    }
                }
            }
            Event::State(state) => {
                self.error = state.error().cloned();
                return match self.error.take_if(|error| is_final(error)) {
                    Some(error) => Err(error),
                    None => Ok(false),
                };
            }
            _ => return Ok(false),
        }
        Ok(self.is_known())
    }

    fn put(&mut self, entry: &Entry) {
        let instance = Instance::of(&self.entries, entry);
        if let (Some(all), Some(instance)) = (&mut self.instances, instance) {
            all.insert(entry.key.clone(), instance);
        }
    }

    /// Whether the store has said who is there.
    pub(crate) fn is_known(&self) -> bool {
        self.instances.is_some()
    }

    /// The one of this name.
    pub(crate) fn instance(&self, name: &str) -> Option<&Instance> {
        self.instances.as_ref()?.get(self.entries.join(name).as_bytes())
    }

    /// In the order of their names.
    pub(super) fn all(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().flat_map(BTreeMap::values)
    }

    /// The same without what no instance has written.
    pub(super) fn processes(&self) -> impl Iterator<Item = &Instance> {
        self.all().filter(|instance| instance.is_process())
    }

    pub(super) fn count(&self) -> usize {
        self.processes().count()
    }
}
