//! Publishing a snapshot together with what is made of it, and entering a resource between two publications.

use std::sync::Arc;

use crate::error::Error;
use crate::live::shared::Shared;
use crate::publish::snapshot::AnySnapshot;
use crate::publish::{Placed, Swapped};
use crate::resource::maker::Maker;
use crate::resource::registry::{Registration, Resources};

impl Shared {
    /// Publishes a snapshot of the keys of this cluster, and has it cached; nothing if the watch has ended. What has to
    /// be made of it first, if anything, is left in `lacking`: `publish`, whose answer this is, knows no makers.
    pub(crate) fn publish(
        &self,
        snapshot: &Arc<dyn AnySnapshot>,
        cluster: u64,
        lacking: &mut Vec<Arc<Maker>>,
    ) -> Placed {
        loop {
            let resources = self.resources.get();
            let plan = match resources.map(|resources| resources.plan(&*self.current.any(), snapshot)) {
                Some(Err(makers)) => {
                    *lacking = makers;
                    return Placed::NotYet;
                }
                Some(Ok(plan)) => Some(plan),
                None => None,
            };
            let ended = self.ended();
            if *ended {
                return Placed::Ended;
            }
            // Whoever was entered since the plan was made has to be asked, too.
            let in_place = match (plan, self.resources.get()) {
                (Some(plan), Some(resources)) => match resources.put_in_place(plan, snapshot.number()) {
                    Some(in_place) => Some((resources, in_place)),
                    None => continue,
                },
                (None, Some(_)) => continue,
                _ => None,
            };
            let replaced = self.keys.mark_published();
            self.note_change(cluster);
            let before = self.current.swap(Arc::clone(snapshot));
            drop(ended);
            if let Some((resources, in_place)) = in_place {
                resources.retire(in_place, snapshot.revision());
            }
            // It always has the type of its configuration.
            return before.map_or(Placed::Ended, |before| Placed::Done(Swapped { before, replaced }));
        }
    }

    /// Whether anything is made of the settings.
    pub(crate) fn makes_resources(&self) -> bool {
        self.resources.get().is_some()
    }

    /// Drops what was made for updates that are not to come any more.
    pub(crate) fn tidy_resources(&self) {
        if let Some(resources) = self.resources.get() {
            resources.tidy();
        }
    }

    /// Builds have failed, for these reasons, which hold no secrets.
    pub(crate) fn note_failed_builds<'f>(&self, failures: impl Iterator<Item = (&'f Arc<Maker>, &'f str)>) {
        if let Some(resources) = self.resources.get() {
            resources.note_failures(failures);
        }
    }

    /// Enters what was made of the published snapshot, if that is still the one of this number.
    ///
    /// # Errors
    /// The watch has ended.
    pub(super) fn enter(
        &self,
        number: u64,
        maker: impl FnOnce() -> Maker,
    ) -> Result<Option<Registration>, Error> {
        let ended = self.ended();
        if *ended {
            drop(ended);
            return Err(self.has_ended());
        }
        if self.current.number() != number {
            return Ok(None);
        }
        Ok(Some(self.resources().enter(maker())))
    }

    /// What is made of the settings; from the first call on there is a place for it.
    pub(super) fn resources(&self) -> &Arc<Resources> {
        self.resources.get_or_init(|| Arc::new(Resources::new(self.keys.context().schema().has_secrets())))
    }
}
