//! A rollout whose type is not known any more: what the command asks of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::decode::Derived;
use crate::edit::plan::Plan;
use crate::edit::planned::PlannedChange;
use crate::error::Error;
use crate::rollout::handle::RolloutHandle;
use crate::rollout::record::RolloutRecord;
use crate::rollout::staged::StagedRollout;
use crate::rollout::step::RolloutStep;
use crate::rollout::{Promoted, Rollout};

/// Hears of each step.
pub(in crate::cli) type OnStep = Box<dyn Fn(&RolloutStep) + Send + Sync>;

/// To whom, and how.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Wishes {
    pub(super) first: First,
    pub(super) observe: Option<Duration>,
    pub(super) within: Option<Duration>,
    pub(super) replace: bool,
    pub(super) by: String,
}

/// Who has it first.
#[derive(Clone, Debug)]
pub(super) enum First {
    Instances(Vec<String>),
    Layer(String),
    Share(f64),
}

impl Wishes {
    pub(in crate::cli) fn of<T: Derived>(self, plan: Plan<T>) -> Rollout<T> {
        let Self { first, observe, within, replace, by } = self;
        let mut rollout = match first {
            First::Instances(names) => Rollout::of(plan).to(names),
            First::Layer(layer) => Rollout::of(plan).to_layer(layer),
            First::Share(share) => Rollout::of(plan).to_share(share),
        };
        rollout = rollout.by(by);
        if let Some(time) = observe {
            rollout = rollout.observe(time);
        }
        if let Some(limit) = within {
            rollout = rollout.within(limit);
        }
        if replace { rollout.replace() } else { rollout }
    }
}

/// What can be brought to its end.
pub(in crate::cli) trait Drive: Send {
    /// Takes it back from elsewhere.
    fn handle(&self) -> RolloutHandle;
    /// Blocks until it has ended.
    fn drive(self: Box<Self>, on_step: OnStep) -> Result<Promoted, Error>;
}

/// A rollout that is to begin.
pub(in crate::cli) trait Begin: Drive {
    /// What would be staged; and what stages that, and nothing else.
    fn preview(self: Box<Self>) -> Result<(RolloutRecord, Box<dyn Drive>), Error>;
}

/// One that has begun.
pub(in crate::cli) trait Begun: Drive {
    fn id(&self) -> &str;
    fn staged_at(&self) -> u64;
    fn record(&self) -> Result<&RolloutRecord, &str>;
    fn driven_by(&self) -> Option<&str>;
    /// What it changes, by paths and with the values, as far as they are there; `None` where they cannot be read.
    fn changes(&self) -> Option<BTreeMap<String, PlannedChange>>;
    fn to_json(&self) -> Value;
    /// The same with other times, and by somebody else.
    fn with(self: Box<Self>, wishes: Wishes) -> Box<dyn Begun>;
    /// Takes it back.
    fn abort(self: Box<Self>, on_step: OnStep) -> Result<u64, Error>;
}

impl<T: Derived> Drive for Rollout<T> {
    fn handle(&self) -> RolloutHandle {
        Rollout::handle(self)
    }

    fn drive(self: Box<Self>, on_step: OnStep) -> Result<Promoted, Error> {
        self.on_step(move |step| on_step(step)).promote()
    }
}

impl<T: Derived> Begin for Rollout<T> {
    fn preview(self: Box<Self>) -> Result<(RolloutRecord, Box<dyn Drive>), Error> {
        let record = Rollout::preview(&self)?;
        let rollout = self.previewed(&record);
        Ok((record, Box::new(rollout)))
    }
}

impl<T: Derived> Drive for StagedRollout<T> {
    fn handle(&self) -> RolloutHandle {
        StagedRollout::handle(self)
    }

    fn drive(self: Box<Self>, on_step: OnStep) -> Result<Promoted, Error> {
        self.on_step(move |step| on_step(step)).resume()
    }
}

impl<T: Derived> Begun for StagedRollout<T> {
    fn id(&self) -> &str {
        StagedRollout::id(self)
    }

    fn staged_at(&self) -> u64 {
        StagedRollout::staged_at(self)
    }

    fn record(&self) -> Result<&RolloutRecord, &str> {
        StagedRollout::record(self)
    }

    fn driven_by(&self) -> Option<&str> {
        StagedRollout::driven_by(self)
    }

    fn changes(&self) -> Option<BTreeMap<String, PlannedChange>> {
        StagedRollout::changes(self).ok()
    }

    fn to_json(&self) -> Value {
        // It is made of texts and numbers, which JSON knows.
        let mut value = json!(self);
        value["changes"] =
            json!(Begun::changes(self).map(|changes| changes.into_values().collect::<Vec<_>>()));
        value
    }

    fn with(self: Box<Self>, Wishes { observe, within, by, .. }: Wishes) -> Box<dyn Begun> {
        let mut found = self.by(by);
        if let Some(time) = observe {
            found = found.observe(time);
        }
        if let Some(limit) = within {
            found = found.within(limit);
        }
        Box::new(found)
    }

    fn abort(self: Box<Self>, on_step: OnStep) -> Result<u64, Error> {
        self.on_step(move |step| on_step(step)).abort()
    }
}
