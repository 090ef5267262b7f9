//! Rollouts that have begun, as they stand in the store: what a terminal sees of another one's, and how one is ended whose
//! process has died.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::Printable;

use super::actor::OWNER;
use super::record::{RolloutRecord, Staged};
use super::transaction::NotMade;
use super::view::{RolloutPlace, View};
use super::work::Work;
use super::writes::{Stop, below};
use super::{Promoted, RolloutSettings};
use crate::decode::Derived;
use crate::error::Error;
use crate::reading::in_background;
use crate::runtime::caller::{refuse_to_wait, runtime};
use crate::status::HumanDuration;

/// The rollouts of a configuration that have begun and not ended, from
/// [`Options::rollouts`](crate::Options::rollouts). `Display` is a line for each.
///
/// ```
/// # use etcd_config::{EtcdConfig, MemoryStore, Rollouts};
/// # #[derive(EtcdConfig)]
/// # #[etcd(prefix = "/payments")]
/// # struct Settings { #[etcd(default = 10)] workers: u32 }
/// let store = MemoryStore::new();
/// for rollout in Settings::options().rollouts(&store)?.into_rollouts() {
///     if rollout.driven_by().is_none() {
///         rollout.abort()?;
///     }
/// }
/// # Ok::<(), etcd_config::Error>(())
/// ```
pub struct Rollouts<T> {
    place: RolloutPlace,
    rollouts: Vec<StagedRollout<T>>,
}

/// A rollout that has begun and not ended, from [`Rollouts`]. `Display` is a line for a person.
pub struct StagedRollout<T> {
    place: RolloutPlace,
    id: String,
    staged_at: u64,
    record: Result<RolloutRecord, String>,
    driven_by: Option<String>,
    settings: RolloutSettings,
    config: PhantomData<fn() -> T>,
}

impl<T: Derived> Rollouts<T> {
    pub(crate) async fn read(place: RolloutPlace) -> Result<Self, Error> {
        let listing = place.plan.list_beside(&place.records, "list of rollouts", place.name).await?;
        let view = View { listing: Arc::new(listing) };
        let rollouts = view
            .records(&place.records)
            .map(|(id, staged_at, record)| {
                let owner = below(&place.record_key(&id), OWNER);
                let driven_by =
                    view.get(&owner).map(|entry| String::from_utf8_lossy(&entry.value).into_owned());
                StagedRollout {
                    place: place.clone(),
                    id,
                    staged_at,
                    record: record.map_err(|unreadable| unreadable.why),
                    driven_by,
                    settings: RolloutSettings::default(),
                    config: PhantomData,
                }
            })
            .collect();
        Ok(Self { place, rollouts })
    }

    pub(crate) fn read_blocking(place: RolloutPlace) -> Result<Self, Error> {
        let (read, _background) = in_background(Self::read(place))?;
        read
    }
}

impl<T> Rollouts<T> {
    /// In the order in which they have begun.
    pub fn rollouts(&self) -> &[StagedRollout<T>] {
        &self.rollouts
    }

    /// The same, to be resumed or aborted.
    pub fn into_rollouts(self) -> Vec<StagedRollout<T>> {
        self.rollouts
    }
}

impl<T> StagedRollout<T> {
    /// Its name, which is the name of its key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The revision at which it was staged.
    pub fn staged_at(&self) -> u64 {
        self.staged_at
    }

    /// What it is about.
    ///
    /// # Errors
    /// Why its key cannot be read: it is of a newer version, or no rollout has written it.
    pub fn record(&self) -> Result<&RolloutRecord, &str> {
        self.record.as_ref().map_err(String::as_str)
    }

    /// Who drove it when this was read; `None` if nobody did. Whoever drives it has a key under a lease of 15 s, so one whose
    /// process has died is shown for up to 15 s longer. [`resume`](Self::resume) is refused for as long, and
    /// [`abort`](Self::abort) is not.
    pub fn driven_by(&self) -> Option<&str> {
        self.driven_by.as_deref()
    }

    /// How long the instances are watched, in place of the time with which it was begun; see
    /// [`Rollout::observe`](crate::Rollout::observe).
    #[must_use]
    pub fn observe(mut self, time: Duration) -> Self {
        if let Ok(record) = &mut self.record {
            record.observe = time;
        }
        self
    }

    /// As [`Rollout::within`](crate::Rollout::within).
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.settings.limit = limit;
        self
    }

    /// As [`Rollout::probe`](crate::Rollout::probe).
    #[must_use]
    pub fn probe<E: fmt::Display>(
        mut self,
        probe: impl Fn() -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        self.settings.probe = Some(super::Probe::new(super::PROBE_EVERY, probe));
        self
    }

    /// As [`Rollout::probe_every`](crate::Rollout::probe_every).
    #[must_use]
    pub fn probe_every(mut self, pause: Duration) -> Self {
        self.settings.probe = self.settings.probe.map(|probe| probe.with_pause(pause));
        self
    }

    /// As [`Rollout::by`](crate::Rollout::by).
    #[must_use]
    pub fn by(mut self, who: impl Into<String>) -> Self {
        self.settings.by = who.into();
        self
    }

    /// As [`Rollout::on_step`](crate::Rollout::on_step).
    #[must_use]
    pub fn on_step(mut self, listener: impl Fn(&super::step::RolloutStep) + Send + Sync + 'static) -> Self {
        self.settings.on_step = Some(Arc::new(listener));
        self
    }

    /// As [`Rollout::handle`](crate::Rollout::handle).
    pub fn handle(&self) -> super::handle::RolloutHandle {
        self.settings.asked.clone()
    }
}

impl<T: Derived> StagedRollout<T> {
    /// Drives it to its end: the instances are watched anew, for the whole time, and then it is promoted or taken back.
    /// Blocks.
    ///
    /// # Errors
    /// As [`Rollout::promote`](crate::Rollout::promote). Where somebody else drives it, it stays as it is
    /// ([`RolloutEnd::Staged`](crate::RolloutEnd::Staged)).
    pub fn resume(self) -> Result<Promoted, Error> {
        let (outcome, _background) = in_background(self.resumed())?;
        outcome
    }

    /// The same for a task, on a tokio runtime.
    ///
    /// # Errors
    /// As [`resume`](Self::resume), and that there is no runtime.
    pub async fn resume_async(self) -> Result<Promoted, Error> {
        refuse_to_wait()?;
        runtime()?;
        self.resumed().await
    }

    /// Takes it back, also while somebody drives it: that call ends with
    /// [`EndedElsewhere`](crate::RolloutEnd::EndedElsewhere). Returns the revision at which it is gone;
    /// [`on_step`](Self::on_step) is told which overrides are left, as somebody else has changed them. Blocks.
    ///
    /// # Errors
    /// [`Error::rollout`] is where it stands: it is [no longer there](crate::RolloutEnd::EndedElsewhere), or the store does not
    /// answer.
    pub fn abort(self) -> Result<u64, Error> {
        let (outcome, _background) = in_background(self.aborted())?;
        outcome
    }

    /// The same for a task, on a tokio runtime.
    ///
    /// # Errors
    /// As [`abort`](Self::abort), and that there is no runtime.
    pub async fn abort_async(self) -> Result<u64, Error> {
        refuse_to_wait()?;
        runtime()?;
        self.aborted().await
    }

    #[cfg(feature = "cli")]
    pub(super) fn place(&self) -> &RolloutPlace {
        &self.place
    }

    fn readable(&self) -> Result<RolloutRecord, Error> {
        self.record.clone().map_err(|why| {
            let (key, why) = (self.place.record_key(&self.id), Printable::line(&why).to_string());
            Error::option(format!("{} is no rollout that this program can end: {why}", Printable::line(&key)))
        })
    }

    async fn resumed(self) -> Result<Promoted, Error> {
        let record = self.readable()?;
        let Self { place, id, staged_at, settings, .. } = self;
        let settings = RolloutSettings { observe: record.observe, ..settings };
        let mut work = Work::new::<T>(place, id, &record.layers, OWNER, &settings.by)?;
        if let Err(not_made) = work.take_over(staged_at).await {
            let error = match not_made {
                NotMade::Stop(Stop::Gone) => work.ended_elsewhere(&Staged { record, at: staged_at }).await,
                not_made => work.stays(not_made, "it could not be resumed"),
            };
            work.leave().await;
            return Err(error);
        }
        work.go_on::<T>(Staged { record, at: staged_at }, settings).await
    }

    async fn aborted(self) -> Result<u64, Error> {
        let record = self.readable()?;
        let role: String = std::iter::repeat_with(fastrand::lowercase).take(6).collect();
        let Self { place, id, staged_at, settings, .. } = self;
        let mut work = Work::new::<T>(place, id, &record.layers, &format!("abort-{role}"), &settings.by)?;
        let staged = Staged { record, at: staged_at };
        let outcome = match work.taken_back(&staged).await {
            Ok((revision, left)) => {
                settings.tell(&super::step::RolloutStep::TakenBack { revision, left });
                Ok(revision)
            }
            Err(NotMade::Stop(Stop::Gone)) => Err(work.ended_elsewhere(&staged).await),
            Err(not_made) => Err(work.stays(not_made, "it could not be aborted")),
        };
        work.leave().await;
        outcome
    }
}

impl<T> fmt::Display for Rollouts<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rollouts.is_empty() {
            return write!(f, "there is no rollout of {} below {}", self.place.name, self.place.records);
        }
        for (number, rollout) in self.rollouts.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            rollout.fmt(f)?;
        }
        Ok(())
    }
}

impl<T> fmt::Display for StagedRollout<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |text: &str| Printable::line(text).at_most(200).to_string();
        let id = line(&self.id);
        let record = match &self.record {
            Ok(record) => record,
            Err(why) => return write!(f, "{id}  unreadable: {}", line(why)),
        };
        let all = |names: &[String]| names.iter().map(|name| line(name)).collect::<Vec<_>>().join(", ");
        let keys: Vec<String> = record.keys.iter().map(|key| key.path.clone()).collect();
        let ago = HumanDuration(record.started.elapsed().unwrap_or_default());
        let driven = match &self.driven_by {
            Some(by) => format!("driven by {}", line(by)),
            None => "nobody drives it: resume or abort it".to_owned(),
        };
        let (keys, instances, by) = (all(&keys), all(&record.instances), line(&record.by));
        write!(
            f,
            "{id}  {keys} for {instances}, staged at revision {} by {by}, {ago} ago; {driven}",
            self.staged_at
        )
    }
}

impl<T> fmt::Debug for Rollouts<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.rollouts).finish()
    }
}

/// Shows no value.
impl<T> fmt::Debug for StagedRollout<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StagedRollout")
            .field("id", &Printable::line(&self.id).to_string())
            .field("staged_at", &self.staged_at)
            .field("record", &self.record)
            .field("driven_by", &self.driven_by)
            .finish_non_exhaustive()
    }
}
