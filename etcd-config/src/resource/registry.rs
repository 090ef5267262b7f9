//! All that is made of one configuration.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::maker::{Maker, Ready};
use crate::publish::snapshot::AnySnapshot;
use crate::runtime::panics;
use crate::runtime::process::Process;
use crate::runtime::worker::Worker;
use crate::status::resource_status::{BuildCounts, ResourceStatus};

/// What is made of one configuration, in the order in which it was entered.
pub(crate) struct Resources {
    entered: Mutex<Entered>,
    builds: AtomicU64,
    failures: AtomicU64,
    /// The words of a panic may hold a secret.
    hides: bool,
    /// Where products are dropped that are not in force any more.
    drops: Worker,
    /// The process that builds.
    process: Process,
}

struct Entered {
    makers: Vec<Arc<Maker>>,
    /// How many were ever entered.
    count: u64,
}

/// What has to be put in place for a snapshot: all of it is ready.
pub(crate) struct Plan {
    /// How many were entered when it was made.
    count: u64,
    ready: Vec<(Arc<Maker>, u64)>,
}

/// Products that are in place, from before the publication of their snapshot to after it.
pub(crate) struct InPlace(Vec<(Arc<Maker>, Ready)>);

/// What was entered, for whoever ends the making.
pub(crate) struct Registration {
    resources: Weak<Resources>,
    maker: Arc<Maker>,
}

impl Resources {
    pub(crate) fn new(hides: bool) -> Self {
        Self {
            entered: Mutex::new(Entered { makers: Vec::new(), count: 0 }),
            builds: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            hides,
            drops: Worker::new("etcd-config-drops"),
            process: Process::this(),
        }
    }

    /// Whether the words of a panic may hold a secret.
    pub(crate) fn hides(&self) -> bool {
        self.hides
    }

    /// Enters what has been made for the published snapshot, which must stay the published one meanwhile.
    pub(crate) fn enter(self: &Arc<Self>, maker: Maker) -> Registration {
        let maker = Arc::new(maker);
        let mut entered = self.lock();
        entered.makers.push(Arc::clone(&maker));
        entered.count += 1;
        drop(entered);
        Registration { resources: Arc::downgrade(self), maker }
    }

    /// What has to be put in place for `new`, or what of it has to be built before. Runs the user's comparisons.
    ///
    /// # Errors
    /// What is lacking. Steps without a product come last, when all else is there.
    pub(crate) fn plan(
        &self,
        old: &dyn AnySnapshot,
        new: &Arc<dyn AnySnapshot>,
    ) -> Result<Plan, Vec<Arc<Maker>>> {
        let (makers, count) = {
            let entered = self.lock();
            (entered.makers.clone(), entered.count)
        };
        let (mut ready, mut lacking) = (Vec::new(), Vec::new());
        for maker in makers.into_iter().filter(|maker| maker.is_wanted()) {
            if maker.differs(old, &**new) {
                match maker.ready_for(new) {
                    Some(number) => ready.push((maker, number)),
                    None => lacking.push(maker),
                }
            }
        }
        if lacking.is_empty() {
            return Ok(Plan { count, ready });
        }
        if lacking.iter().any(|maker| !maker.is_prepare()) {
            lacking.retain(|maker| !maker.is_prepare());
        }
        Err(lacking)
    }

    /// Puts in place what is ready for the snapshot of this number, which is published next. `None` if that is not all
    /// any more: a new plan is needed. Nothing may be entered until the snapshot is published.
    pub(crate) fn put_in_place(&self, plan: Plan, number: u64) -> Option<InPlace> {
        if self.lock().count != plan.count {
            return None;
        }
        let mut products = Vec::with_capacity(plan.ready.len());
        for (maker, build) in plan.ready {
            let Some(ready) = maker.take(build) else {
                self.discard(products.into_iter().filter_map(|(maker, ready): (Arc<Maker>, _)| {
                    maker.put(ready).map(|unused| (maker, unused))
                }));
                return None;
            };
            products.push((maker, ready));
        }
        products.iter_mut().for_each(|(_, ready)| ready.product().add(number));
        Some(InPlace(products))
    }

    /// The snapshot is published: what was in force before is dropped, on another thread.
    pub(crate) fn retire(&self, InPlace(mut products): InPlace, revision: u64) {
        for (maker, ready) in &mut products {
            ready.product().retire();
            maker.mark_in_force(revision);
        }
        self.discard(products.into_iter());
    }

    /// Forgets what was made for an update that is not to come any more, and what has failed for it.
    pub(crate) fn tidy(&self) {
        let makers = self.makers().into_iter();
        self.discard(makers.filter_map(|maker| maker.tidy().map(|ready| (maker, ready))));
    }

    fn discard(&self, products: impl Iterator<Item = (Arc<Maker>, Ready)>) {
        let products: Vec<_> = products.collect();
        if products.is_empty() {
            return;
        }
        let drop = move || {
            for (maker, product) in products {
                maker.caller().call(|| panics::drop_caught(product));
            }
        };
        if let Err(job) = self.drops.run(Box::new(drop)) {
            job();
        }
    }

    /// Counts builds that are begun.
    pub(super) fn count_builds(&self, more: usize) {
        self.builds.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Builds have failed, for these reasons, which hold no secrets.
    pub(crate) fn note_failures<'f>(&self, failures: impl Iterator<Item = (&'f Arc<Maker>, &'f str)>) {
        for (maker, error) in failures {
            self.failures.fetch_add(1, Ordering::Relaxed);
            maker.note_failure(error);
        }
    }

    pub(crate) fn counts(&self) -> BuildCounts {
        let hanging: usize = self.makers().iter().map(|maker| maker.count_late()).sum();
        BuildCounts {
            builds: self.builds.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            hanging: u64::try_from(hanging).unwrap_or(u64::MAX),
        }
    }

    pub(crate) fn status(&self) -> Vec<ResourceStatus> {
        self.makers().iter().map(|maker| maker.status()).collect()
    }

    /// Nothing is made any more; what is in force stays.
    pub(crate) fn stop(&self) {
        let makers = std::mem::take(&mut self.lock().makers);
        // Builds are the user's, and may own handles of this configuration.
        for maker in makers {
            maker.mark_unwanted();
            panics::drop_caught(maker);
        }
    }

    fn makers(&self) -> Vec<Arc<Maker>> {
        self.lock().makers.clone()
    }

    /// No code of others runs while it is held.
    fn lock(&self) -> MutexGuard<'_, Entered> {
        self.entered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registration {
    pub(crate) fn name(&self) -> &str {
        self.maker.name()
    }

    /// Ends the making.
    pub(crate) fn end(&self) {
        self.maker.mark_unwanted();
        // In the child of a `fork` a lock may be held for ever, and nothing is built.
        let resources = self.resources.upgrade().filter(|resources| resources.process.is_this());
        let Some(resources) = resources else { return };
        let mut entered = resources.lock();
        let place = entered.makers.iter().position(|maker| Arc::ptr_eq(maker, &self.maker));
        let held = place.map(|place| entered.makers.remove(place));
        drop(entered);
        drop(held);
    }
}
