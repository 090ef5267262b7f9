//! How one thing is made of the settings, and what of it is ready or under way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use etcd_client_core::BoxFuture;
use tokio::runtime::Handle;

use super::build::Built;
use super::versions::{Held, Versions};
use crate::publish::snapshot::AnySnapshot;
use crate::runtime::caller::Caller;
use crate::runtime::panics;
use crate::status::resource_status::ResourceStatus;

/// What something is made of.
pub(super) type Input = Arc<dyn AnySnapshot>;
/// Whether there is a difference between two snapshots. The user's code.
pub(crate) type Differs = Box<dyn Fn(&dyn AnySnapshot, &dyn AnySnapshot) -> bool + Send + Sync>;
type OnThread = dyn Fn(&dyn AnySnapshot, &dyn AnySnapshot) -> Built<Box<dyn Product>> + Send + Sync;
type InTask = dyn Fn(Input, Input) -> BoxFuture<Built<Box<dyn Product>>> + Send + Sync;

/// What is called to build: with the snapshot in force, and the one to come.
#[derive(Clone)]
pub(crate) enum Recipe {
    OnThread(Arc<OnThread>),
    InTask(Handle, Arc<InTask>),
}

/// What was built, without its type.
pub(crate) trait Product: Send {
    /// Puts it in place for the snapshot of this number, before that is published.
    fn add(&mut self, since: u64);

    /// The snapshot is published: takes out what was in force before, which is dropped with this.
    fn retire(&mut self);
}

/// A version of a resource.
pub(crate) struct Made<R> {
    versions: Weak<Versions<R>>,
    value: Arc<R>,
    retired: Option<Arc<Held<R>>>,
}

/// The product of a step that has none.
pub(crate) struct NoProduct;

/// How one thing is made.
pub(crate) struct Maker {
    name: String,
    is_prepare: bool,
    limit: Duration,
    differs: Differs,
    recipe: Recipe,
    caller: Caller,
    /// The last handle is still there.
    is_wanted: AtomicBool,
    state: Mutex<Progress>,
}

struct Progress {
    /// How many builds were begun.
    begun: u64,
    ready: Option<Ready>,
    under_way: Vec<UnderWay>,
    revision: u64,
    since: SystemTime,
    error: Option<String>,
    failures: u64,
}

/// What was built and is not in force.
pub(super) struct Ready {
    number: u64,
    input: Input,
    product: Box<dyn Product>,
}

struct UnderWay {
    number: u64,
    input: Input,
    since: SystemTime,
    /// It has passed its limit.
    is_late: bool,
}

impl Maker {
    /// `revision` is that of the snapshot that the first product was made of.
    pub(crate) fn new(
        (name, is_prepare): (String, bool),
        limit: Duration,
        differs: Differs,
        recipe: Recipe,
        caller: Caller,
        revision: u64,
    ) -> Self {
        let state = Progress {
            begun: 0,
            ready: None,
            under_way: Vec::new(),
            revision,
            since: SystemTime::now(),
            error: None,
            failures: 0,
        };
        let is_wanted = AtomicBool::new(true);
        Self { name, is_prepare, limit, differs, recipe, caller, is_wanted, state: Mutex::new(state) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn label(&self) -> String {
        ResourceStatus::label(&self.name, self.is_prepare)
    }

    pub(super) fn is_prepare(&self) -> bool {
        self.is_prepare
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Acquire)
    }

    pub(super) fn mark_unwanted(&self) {
        self.is_wanted.store(false, Ordering::Release);
    }

    /// Whether another has to be made for `new`. A comparison that panics finds a difference.
    pub(super) fn differs(&self, old: &dyn AnySnapshot, new: &dyn AnySnapshot) -> bool {
        panics::caught(|| (self.differs)(old, new)).unwrap_or(true)
    }

    fn is_same(&self, input: &Input, new: &Input) -> bool {
        Arc::ptr_eq(input, new) || !self.differs(&**input, &**new)
    }

    /// The number of the build that is ready for `new`, if one is.
    pub(super) fn ready_for(&self, new: &Input) -> Option<u64> {
        let (number, input) =
            self.lock().ready.as_ref().map(|ready| (ready.number, Arc::clone(&ready.input)))?;
        self.is_same(&input, new).then_some(number)
    }

    /// Takes out what the build of this number has made.
    pub(super) fn take(&self, number: u64) -> Option<Ready> {
        self.lock().ready.take_if(|ready| ready.number == number)
    }

    /// What is in force is as it is meant. Takes out what was made for something else.
    pub(super) fn tidy(&self) -> Option<Ready> {
        let mut state = self.lock();
        (state.error, state.failures) = (None, 0);
        state.ready.take()
    }

    /// Keeps what was made and is not in force yet, unless something newer is ready. Returns what is of no use.
    pub(super) fn put(&self, ready: Ready) -> Option<Ready> {
        let mut state = self.lock();
        match &state.ready {
            Some(other) if other.number > ready.number => Some(ready),
            _ => state.ready.replace(ready),
        }
    }

    /// Whether a build of the same values is late.
    pub(super) fn is_late_for(&self, new: &Input) -> bool {
        let late: Vec<_> = {
            let state = self.lock();
            let late = state.under_way.iter().filter(|build| build.is_late);
            late.map(|build| Arc::clone(&build.input)).collect()
        };
        late.iter().any(|input| self.is_same(input, new))
    }

    /// How many builds are late.
    pub(super) fn count_late(&self) -> usize {
        self.lock().under_way.iter().filter(|build| build.is_late).count()
    }

    pub(super) fn recipe(&self) -> Recipe {
        self.recipe.clone()
    }

    /// A build begins: its number.
    pub(super) fn begins(&self, new: &Input) -> u64 {
        let mut state = self.lock();
        state.begun += 1;
        let (number, input, since) = (state.begun, Arc::clone(new), SystemTime::now());
        state.under_way.push(UnderWay { number, input, since, is_late: false });
        number
    }

    /// A build has returned.
    pub(super) fn finished(&self, number: u64, input: Input, built: Built<Box<dyn Product>>) -> Built<()> {
        // In this order: as soon as it is not under way, it is ready.
        let result = built.map(|product| {
            let unused = self.put(Ready { number, input, product });
            drop(unused);
        });
        self.forget(number);
        if !self.is_wanted() {
            self.take(number);
        }
        result
    }

    /// A build has passed its limit.
    pub(super) fn mark_late(&self, number: u64) {
        let mut state = self.lock();
        state
            .under_way
            .iter_mut()
            .filter(|build| build.number == number)
            .for_each(|build| build.is_late = true);
    }

    /// A build is not under way any more.
    pub(super) fn forget(&self, number: u64) {
        let mut state = self.lock();
        let place = state.under_way.iter().position(|build| build.number == number);
        let build = place.map(|place| state.under_way.swap_remove(place));
        drop(state);
        // Its snapshot may be the last: that is dropped without the lock.
        drop(build);
    }

    /// What is in force was made for a snapshot of this revision.
    pub(super) fn mark_in_force(&self, revision: u64) {
        let mut state = self.lock();
        (state.revision, state.since) = (revision, SystemTime::now());
    }

    /// A build has failed; without secrets.
    pub(super) fn note_failure(&self, error: &str) {
        let mut state = self.lock();
        state.failures += 1;
        state.error = Some(error.to_owned());
    }

    pub(super) fn status(&self) -> ResourceStatus {
        let state = self.lock();
        let in_time = state.under_way.iter().filter(|build| !build.is_late);
        ResourceStatus {
            name: self.name.clone(),
            is_prepare: self.is_prepare,
            revision: state.revision,
            since: state.since,
            building_since: in_time.map(|build| build.since).min(),
            error: state.error.clone(),
            failures: state.failures,
            hanging: state.under_way.iter().filter(|build| build.is_late).count(),
        }
    }

    /// No code of others runs while it is held.
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ready {
    pub(super) fn product(&mut self) -> &mut dyn Product {
        &mut *self.product
    }
}

impl<R> Made<R> {
    pub(crate) fn new(versions: Weak<Versions<R>>, value: R) -> Self {
        Self { versions, value: Arc::new(value), retired: None }
    }
}

impl<R: Send + Sync> Product for Made<R> {
    fn add(&mut self, since: u64) {
        if let Some(versions) = self.versions.upgrade() {
            versions.add(since, Arc::clone(&self.value));
        }
    }

    fn retire(&mut self) {
        self.retired = self.versions.upgrade().map(|versions| versions.retire());
    }
}

impl Product for NoProduct {
    fn add(&mut self, _since: u64) {}

    fn retire(&mut self) {}
}
