//! A change that some instances have first, and all the others when those have had it for a while without harm.

mod actor;
mod drive;
mod ended;
pub(crate) mod handle;
mod observing;
mod probe;
mod promotion_check;
pub(crate) mod record;
mod share;
pub(crate) mod staged;
mod staging;
pub(crate) mod step;
mod targets;
mod transaction;
#[cfg(feature = "cli")]
mod values;
pub(crate) mod view;
mod work;
mod writes;

use std::fmt;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "cli")]
pub(crate) use self::actor::LEASE;
use self::drive::{begin, preview};
use self::handle::RolloutHandle;
use self::probe::Probe;
use self::record::RolloutRecord;
use self::staging::Draft;
use self::step::RolloutStep;
use self::targets::Wanted;
use crate::decode::Derived;
use crate::edit::plan::Plan;
use crate::error::Error;
use crate::instance::name::of_this_process;
use crate::reading::in_background;
use crate::runtime::caller::{refuse_to_wait, runtime};

/// How long the instances may take to have the change in force, if nothing else is said.
const LIMIT: Duration = Duration::from_secs(30);
const OBSERVE: Duration = Duration::from_secs(60);
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// A change that some instances have first, through their own layers, and that is promoted when they have had it for a
/// while without harm: then it is written below the prefix and taken out of the layers, in one transaction. A refusal, an
/// instance that goes, a probe that fails, or a time limit takes it back instead, in one transaction, too. So no instance
/// ever sees a value that was neither below the prefix nor in its layer.
///
/// It needs instances that are listed in the fleet ([`Options::instance`](crate::Options::instance)), each with a highest
/// [layer](crate::Options::layer) that is its own, and a store with transactions and leases: etcd's v3 API, or
/// [`MemoryStore`](crate::MemoryStore).
///
/// What it is doing stands in the store, in one key beside the prefix, `/payments.rollout/<id>`, with the names of keys and
/// instances and no new value; below that is a key under a lease of 15 s, of whoever drives it. So
/// [`Rollouts`](crate::Rollouts) shows it to everybody, a second rollout of the same keys is refused, and one whose
/// process has died is resumed or aborted from anywhere. The user needs a role that may read and write all of `/payments/`,
/// `/payments.rollout/` and the layers, and read `/payments.fleet/`.
///
/// ```
/// # use std::time::Duration;
/// use etcd_config::{EtcdConfig, MemoryStore, Rollout, field};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments", layers("/payments@{instance}"))]
/// struct Settings {
///     #[etcd(default = 10)]
///     workers: u32,
/// }
///
/// let store = MemoryStore::new();
/// let options = |name: &str| Settings::options().placeholder("instance", name);
/// let web_1 = Settings::options().instance("web-1").watch(&store)?;
/// let web_2 = Settings::options().instance("web-2").watch(&store)?;
/// # while options("-").fleet(&store)?.instances().len() < 2 {
/// #     std::thread::sleep(Duration::from_millis(20));
/// # }
///
/// // Somewhere else.
/// let plan = options("-").edit(&store)?.set(field!(Settings.workers), &20)?.plan()?;
/// let promoted = Rollout::of(plan)
///     .to(["web-1"])
///     .observe(Duration::from_millis(200))
///     .probe(|| -> Result<(), String> { Ok(()) })
///     .promote()?;
/// assert_eq!(promoted.instances(), ["web-1"]);
/// assert_eq!(store.get("/payments/workers").as_deref(), Some(&b"20"[..]));
/// assert_eq!(store.get("/payments@web-1/workers"), None);
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[must_use = "nothing is written before `promote`"]
pub struct Rollout<T> {
    plan: Plan<T>,
    wanted: Wanted,
    settings: RolloutSettings,
}

/// Hears of each step.
type Listener = dyn Fn(&RolloutStep) + Send + Sync;

/// What may be said of a rollout, begun or resumed.
#[derive(Clone)]
pub(super) struct RolloutSettings {
    observe: Duration,
    limit: Duration,
    probe: Option<Probe>,
    replace: bool,
    by: String,
    asked: RolloutHandle,
    on_step: Option<Arc<Listener>>,
}

impl Default for RolloutSettings {
    fn default() -> Self {
        Self {
            observe: OBSERVE,
            limit: LIMIT,
            probe: None,
            replace: false,
            by: of_this_process(),
            asked: RolloutHandle::default(),
            on_step: None,
        }
    }
}

/// That a change is in force below the prefix, from [`Rollout::promote`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promoted {
    revision: u64,
    instances: Vec<String>,
}

impl Promoted {
    /// The revision of the promotion, or one after it if its answer was lost; for
    /// [`Fleet::wait_for_revision`](crate::Fleet::wait_for_revision).
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The instances that have had it first.
    pub fn instances(&self) -> &[String] {
        &self.instances
    }
}

impl<T: Derived> Rollout<T> {
    /// Of a plan for the prefix itself, and not for one of its layers. It cannot delete keys, as no layer can take away
    /// what a lower one has: make an edit of that afterwards.
    ///
    /// By default it is a rollout to a tenth of the fleet, watched for 60 s.
    pub fn of(plan: Plan<T>) -> Self {
        Self { plan, wanted: Wanted::Share(0.1), settings: RolloutSettings::default() }
    }

    /// To these instances, each through its highest layer, which must be its own.
    pub fn to(mut self, instances: impl IntoIterator<Item: Into<String>>) -> Self {
        self.wanted = Wanted::Named(instances.into_iter().map(Into::into).collect());
        self
    }

    /// To all that read a layer, through it; `/payments@canary`. It is given without placeholders. Where one of them has a
    /// higher layer with the same key, that one stays in force for it.
    pub fn to_layer(mut self, layer: impl Into<String>) -> Self {
        self.wanted = Wanted::Layer(layer.into());
        self
    }

    /// To a share of the instances that are there, between 0 and 1, at least one of them: `0.1` is a tenth. Who is chosen
    /// depends on the names alone, by a hash that is the same in each version, so a share is mostly the same instances
    /// each time, and a larger one has all of a smaller one.
    pub fn to_share(mut self, share: f64) -> Self {
        self.wanted = Wanted::Share(share);
        self
    }

    /// How long the instances are watched when all have it in force. 60 s.
    ///
    /// An instance that goes meanwhile, or is started again under its name, takes it back. Where the change is one that
    /// waits for a restart, they may be started again before, within [`within`](Self::within), and not meanwhile.
    pub fn observe(mut self, time: Duration) -> Self {
        self.settings.observe = time;
        self
    }

    /// How long the instances may take to have it in force. 30 s.
    pub fn within(mut self, limit: Duration) -> Self {
        self.settings.limit = limit;
        self
    }

    /// A check of your own, such as one of the error rates of the instances: asked once they have it in force, and again
    /// [every second](Self::probe_every) while they are watched. An error, a panic, or no answer within 30 s takes the
    /// change back. It runs on a thread for blocking code; one that never returns keeps that
    /// thread, for which a tokio runtime waits at its end.
    pub fn probe<E: Display>(mut self, probe: impl Fn() -> Result<(), E> + Send + Sync + 'static) -> Self {
        self.settings.probe = Some(Probe::new(PROBE_EVERY, probe));
        self
    }

    /// The pause after each answer of the [probe](Self::probe). 1 s. Call it after `probe`; without one it does nothing.
    pub fn probe_every(mut self, pause: Duration) -> Self {
        self.settings.probe = self.settings.probe.map(|probe| probe.with_pause(pause));
        self
    }

    /// Replaces what the layers already have of these keys, and puts it back if the rollout is taken back; when it is
    /// promoted, these overrides are gone. Without this a rollout is refused where there are any. Meanwhile their texts
    /// stand in the record, so those that are secret, or no text, are refused all the same.
    ///
    /// Refused are also those by another name of the field or of what it is in, and those in layers between the prefix and
    /// that of the change: they would be in force again when it is promoted.
    pub fn replace(mut self) -> Self {
        self.settings.replace = true;
        self
    }

    /// Who does this, for others to read. By default the name of this machine and the number of this process.
    pub fn by(mut self, who: impl Into<String>) -> Self {
        self.settings.by = who.into();
        self
    }

    /// Is called with each step, on the thread that follows the instances, so it should be quick. A panic in it is caught.
    pub fn on_step(mut self, listener: impl Fn(&RolloutStep) + Send + Sync + 'static) -> Self {
        self.settings.on_step = Some(Arc::new(listener));
        self
    }

    /// What takes it back from elsewhere, while it runs.
    pub fn handle(&self) -> RolloutHandle {
        self.settings.asked.clone()
    }

    /// As it was previewed: who has it first is chosen once.
    #[cfg(feature = "cli")]
    pub(crate) fn previewed(self, record: &RolloutRecord) -> Self {
        match self.wanted {
            Wanted::Share(_) => self.to(record.instances.iter().cloned()),
            Wanted::Named(_) | Wanted::Layer(_) => self,
        }
    }

    /// Who would have it first, through which layers, and which keys change, if it were staged now; also whether it
    /// could be. Nothing is written. Blocks.
    ///
    /// # Errors
    /// As of [`promote`](Self::promote), where that ends before anything is written.
    pub fn preview(&self) -> Result<RolloutRecord, Error> {
        let Self { plan, wanted, settings } = self;
        let (record, _background) = in_background(preview::<T>(Draft::new(plan, wanted, settings)?))?;
        record
    }

    /// The same for a task, on a tokio runtime.
    ///
    /// # Errors
    /// As [`preview`](Self::preview), and that there is no runtime.
    pub async fn preview_async(&self) -> Result<RolloutRecord, Error> {
        runtime()?;
        let Self { plan, wanted, settings } = self;
        preview::<T>(Draft::new(plan, wanted, settings)?).await
    }

    /// Stages the change, watches, and promotes it or takes it back. Blocks for as long as that takes.
    ///
    /// # Errors
    /// Where it is not promoted, [`Error::rollout`] says how it has ended, and what is in the store then. Besides:
    /// - [`Error::is_conflict`]: something below the prefix has changed since the plan was made, and nothing is written.
    /// - [`Error::is_invalid_option`]: an instance is not there, or has no layer of its own; the plan is empty, deletes
    ///   keys, or is for a layer; or it is too much for one transaction, in which etcd takes 128 operations: that is 60 keys
    ///   for one layer, 10 for ten and 2 for thirty, and no more layers than that. Nothing is written.
    /// - [`Error::is_access`]: the user may not read or write one of the places. A right that is missing at the beginning,
    ///   also one that only the promotion takes, is found before anything is written.
    pub fn promote(self) -> Result<Promoted, Error> {
        let (outcome, _background) = in_background(begin(self))?;
        outcome
    }

    /// The same for a task, on a tokio runtime. A future that is dropped leaves what it has staged, as a process does that
    /// dies: [`Rollouts`](crate::Rollouts) has it, to be resumed or aborted.
    ///
    /// # Errors
    /// As [`promote`](Self::promote), and that there is no runtime.
    pub async fn promote_async(self) -> Result<Promoted, Error> {
        refuse_to_wait()?;
        runtime()?;
        begin(self).await
    }
}

impl<T> fmt::Debug for Rollout<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, wanted, settings } = self;
        f.debug_struct("Rollout")
            .field("plan", plan)
            .field("to", wanted)
            .field("observe", &settings.observe)
            .field("within", &settings.limit)
            .field("by", &settings.by)
            .finish_non_exhaustive()
    }
}
