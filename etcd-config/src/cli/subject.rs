//! A configuration whose type is not known any more: what commands ask of it.

use std::marker::PhantomData;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender};
use std::time::Duration;

use etcd_client_core::{Prefix, Store};
use serde_json::{Value, json};

use super::fleet::telling::tell;
use super::rollout::typeless::{Begin, Begun, Wishes};
use crate::check::Check;
use crate::decode::{Derived, survey};
use crate::document::{Document, exported};
use crate::edit::Edit;
use crate::edit::commit::Written;
use crate::edit::plan::Plan;
use crate::edit::planned::PlannedChange;
use crate::error::Error;
use crate::explain::Explanation;
use crate::fleet::Fleet;
use crate::fleet::following::FleetView;
use crate::history::HistoryCut;
use crate::history::step::HistoryStep;
use crate::live::Live;
use crate::options::Options;
use crate::problem::Problem;
use crate::reading::{Reading, in_background};
use crate::rejection::Rejection;
use crate::runtime::background::Background;
use crate::schema::Schema;
use crate::schema::secrecy::Secrecy;
use crate::status::Status;
use crate::tree::directories::in_layer;

/// Where a configuration is to be found in a store.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) prefix: Option<String>,
    pub(super) placeholders: Vec<(String, String)>,
    /// Which of the layers is changed, or written down.
    pub(super) layer: Option<String>,
    /// Layers whose placeholder has no value here are left out.
    pub(super) is_common: bool,
    pub(super) startup_timeout: Duration,
}

impl Place {
    pub(super) fn options<T: Derived>(&self) -> Options<T> {
        let options = Options::new().startup_timeout(self.startup_timeout);
        let options = match &self.prefix {
            Some(prefix) => options.prefix(prefix),
            None => options,
        };
        let options = match &self.layer {
            Some(layer) => options.in_layer(layer),
            None => options,
        };
        let given = self.placeholders.iter();
        given.fold(options, |options, (name, value)| options.placeholder(name, value))
    }
}

/// A place in a store.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) store: Arc<dyn Store>,
    pub(super) place: Place,
}

/// A configuration.
pub(super) trait Subject {
    /// The name of the struct.
    fn name(&self) -> &'static str;
    /// The fields, with the keys as they are on the struct.
    fn fields(&self) -> Schema;
    /// The fields, with the keys as they are in the store.
    fn schema(&self, place: &Place) -> Result<Schema, Error>;
    /// What the store holds now.
    fn read(&self, site: &Site) -> Result<Box<dyn View>, Error>;
    /// What was changed between two revisions, newest first; of one field only, if one is named.
    fn history(&self, site: &Site, revisions: (u64, Option<u64>), field: Option<&str>)
    -> Result<Past, Error>;
    /// The rollouts that have begun and not ended.
    fn rollouts(&self, site: &Site) -> Result<Vec<Box<dyn Begun>>, Error>;
    /// The instances, and who of them does not have what was written last.
    fn fleet(&self, site: &Site) -> Result<FleetView, Error>;
    /// Follows the instances, as long as what is answered is kept; what there is to be seen is sent.
    fn follow_fleet(
        &self,
        site: &Site,
        heard: SyncSender<Result<FleetView, Error>>,
    ) -> Result<Arc<Background>, Error>;
    /// The instances.
    fn instances(&self, site: &Site) -> Result<Fleet, Error>;
    /// Follows the store; what is heard is sent.
    fn watch(&self, site: &Site, heard: Sender<Heard>) -> Result<Box<dyn Watched>, Error>;
}

/// What a store held at one revision.
pub(super) trait View {
    fn prefix(&self) -> &Prefix;
    fn schema(&self) -> Schema;
    fn check(&self) -> Check;
    fn explain(&self) -> Explanation;
    /// The prefix of the layer that is changed; without layers the whole one.
    fn layer(&self) -> Prefix;
    /// Where each value of that layer comes from, as if there were no other.
    fn explain_layer(&self) -> Explanation;
    /// The text of a whole key.
    fn stored(&self, key: &str) -> Option<Vec<u8>>;
    /// Checks what these changes of keys would make: new texts, or deletions.
    fn plan(&self, changes: Vec<(String, Option<Vec<u8>>)>) -> Result<Box<dyn Planned>, Error>;
    /// Checks what a document would make.
    fn document(&self, document: &Document, how: How) -> Result<Box<dyn Planned>, Error>;
    /// What is stored, as a document.
    fn export(&self) -> Result<Document, Error>;
    /// Checks what going back to an earlier revision would make.
    fn restore(&self, revision: u64) -> Result<Box<dyn Planned>, Error>;
}

/// What is taken of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// All that it names.
    Apply,
    /// What it names, and what is not there.
    Fill,
    /// All that it names, and nothing else stays.
    Replace,
}

/// Changes that are checked, and not written.
pub(super) trait Planned {
    fn name(&self) -> &'static str;
    fn prefix(&self) -> &Prefix;
    fn revision(&self) -> u64;
    fn changes(&self) -> &[PlannedChange];
    fn warnings(&self) -> &[Problem];
    fn to_json(&self) -> Value;
    /// What was read before.
    fn reading(&self) -> &Reading;
    /// Writes.
    fn commit(self: Box<Self>) -> Result<Written, Error>;
    /// To some instances first.
    fn rollout(self: Box<Self>, wishes: Wishes) -> Box<dyn Begin>;
}

/// What was changed.
pub(super) struct Past {
    pub(super) prefix: Prefix,
    /// Newest first.
    pub(super) steps: Vec<HistoryStep>,
    pub(super) complete_from: u64,
    pub(super) cut: Option<HistoryCut>,
}

impl Past {
    pub(super) fn to_json(&self) -> Value {
        let cut = self.cut.map(|cut| match cut {
            HistoryCut::Compacted => "compacted",
            HistoryCut::Limit => "limit",
        });
        json!({ "complete_from": self.complete_from, "cut": cut, "steps": self.steps })
    }
}

/// A configuration that is followed.
pub(super) trait Watched {
    fn explain(&self) -> Explanation;
    fn status(&self) -> Status;
}

/// What is heard of a configuration that is followed.
#[derive(Debug)]
pub(super) enum Heard {
    /// There may be other values.
    Change,
    /// An update is refused.
    Rejected(Rejection),
    Warning(Problem),
    /// The connection has changed, or is lost.
    Status,
}

/// A configuration by its type.
pub(super) struct Typed<T>(PhantomData<fn() -> T>);

impl<T> Typed<T> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Derived> Subject for Typed<T> {
    fn name(&self) -> &'static str {
        T::LAYOUT.name
    }

    fn fields(&self) -> Schema {
        Schema::new(survey::<T>(), &Prefix::new(T::LAYOUT.prefix.unwrap_or_default()))
    }

    fn schema(&self, place: &Place) -> Result<Schema, Error> {
        place.options::<T>().schema()
    }

    fn read(&self, site: &Site) -> Result<Box<dyn View>, Error> {
        let options = site.place.options::<T>();
        let plan = if site.place.is_common {
            options.common_read_plan(&site.store)?
        } else {
            options.read_plan(&site.store)?
        };
        let reading = Reading::blocking::<T>(plan, None)?;
        Ok(Box::new(TypedView::<T>(reading, PhantomData)))
    }

    fn history(
        &self,
        site: &Site,
        (from, to): (u64, Option<u64>),
        field: Option<&str>,
    ) -> Result<Past, Error> {
        let range = (Bound::Included(from), to.map_or(Bound::Unbounded, Bound::Included));
        let history = site.place.options::<T>().history(&site.store, range)?;
        let history = match field {
            Some(field) => history.only_path(field),
            None => history,
        };
        let prefix = site.place.options::<T>().read_plan(&site.store)?.prefix;
        let (complete_from, cut) = (history.complete_from(), history.cut());
        Ok(Past { prefix, complete_from, cut, steps: history.into_iter().collect() })
    }

    fn rollouts(&self, site: &Site) -> Result<Vec<Box<dyn Begun>>, Error> {
        let found = site.place.options::<T>().rollouts(&site.store)?.into_rollouts();
        Ok(found.into_iter().map(|found| Box::new(found) as Box<dyn Begun>).collect())
    }

    fn fleet(&self, site: &Site) -> Result<FleetView, Error> {
        let place = site.place.options::<T>().fleet_place(&site.store)?;
        in_background(FleetView::read(place))?.0
    }

    fn follow_fleet(
        &self,
        site: &Site,
        heard: SyncSender<Result<FleetView, Error>>,
    ) -> Result<Arc<Background>, Error> {
        let place = site.place.options::<T>().fleet_place(&site.store)?;
        let ((), background) = in_background(async move {
            tokio::spawn(tell(place, heard));
        })?;
        Ok(background)
    }

    fn instances(&self, site: &Site) -> Result<Fleet, Error> {
        site.place.options::<T>().fleet(&site.store)
    }

    fn watch(&self, site: &Site, heard: Sender<Heard>) -> Result<Box<dyn Watched>, Error> {
        let options = site.place.options::<T>().start_from_last_good(true);
        let live = options.watch(&site.store)?;
        // Where nobody listens any more, the command has ended.
        let send = move |what: Heard| drop(heard.send(what));
        let [change, rejected, warning, status] = [send.clone(), send.clone(), send.clone(), send];
        live.on_change(move |_| change(Heard::Change));
        live.on_rejected(move |rejection| rejected(Heard::Rejected(rejection.clone())));
        live.on_warning(move |problem| warning(Heard::Warning(problem.clone())));
        live.on_status(move |_| status(Heard::Status));
        Ok(Box::new(live))
    }
}

impl<T: Derived> Watched for Live<T> {
    fn explain(&self) -> Explanation {
        Live::explain(self)
    }

    fn status(&self) -> Status {
        Live::status(self)
    }
}

struct TypedView<T>(Reading, PhantomData<fn() -> T>);

impl<T: Derived> View for TypedView<T> {
    fn prefix(&self) -> &Prefix {
        self.0.prefix()
    }

    fn schema(&self) -> Schema {
        Schema::new(survey::<T>(), self.0.prefix())
    }

    fn check(&self) -> Check {
        Check::of::<T>(&self.0)
    }

    fn explain(&self) -> Explanation {
        self.0.explain::<T>()
    }

    fn layer(&self) -> Prefix {
        self.0.layer_prefix()
    }

    fn explain_layer(&self) -> Explanation {
        self.0.explain_layer::<T>()
    }

    fn stored(&self, key: &str) -> Option<Vec<u8>> {
        stored(&self.0, key)
    }

    fn plan(&self, changes: Vec<(String, Option<Vec<u8>>)>) -> Result<Box<dyn Planned>, Error> {
        let mut edit = Edit::<T>::new(self.0.clone());
        for (key, text) in changes {
            edit = match text {
                Some(text) => edit.set_text(key, text),
                None => edit.unset_key(key),
            };
        }
        self.planned(edit)
    }

    fn document(&self, document: &Document, how: How) -> Result<Box<dyn Planned>, Error> {
        let edit = Edit::<T>::new(self.0.clone());
        self.planned(match how {
            How::Apply => edit.apply(document)?,
            How::Fill => edit.fill(document)?,
            How::Replace => edit.replace_with(document)?,
        })
    }

    fn export(&self) -> Result<Document, Error> {
        exported::<T>(&self.0)
    }

    fn restore(&self, revision: u64) -> Result<Box<dyn Planned>, Error> {
        self.planned(Edit::<T>::new(self.0.clone()).restore(revision)?)
    }
}

impl<T: Derived> TypedView<T> {
    fn planned(&self, edit: Edit<T>) -> Result<Box<dyn Planned>, Error> {
        Ok(Box::new(TypedPlan { plan: edit.plan()?, reading: self.0.clone() }))
    }
}

struct TypedPlan<T> {
    plan: Plan<T>,
    reading: Reading,
}

impl<T: Derived> Planned for TypedPlan<T> {
    fn name(&self) -> &'static str {
        T::LAYOUT.name
    }

    fn prefix(&self) -> &Prefix {
        self.reading.prefix()
    }

    fn revision(&self) -> u64 {
        self.plan.revision()
    }

    fn changes(&self) -> &[PlannedChange] {
        self.plan.changes()
    }

    fn warnings(&self) -> &[Problem] {
        self.plan.warnings()
    }

    fn to_json(&self) -> Value {
        // A plan is made of texts and numbers, which JSON knows.
        json!(self.plan)
    }

    fn reading(&self) -> &Reading {
        &self.reading
    }

    fn commit(self: Box<Self>) -> Result<Written, Error> {
        self.plan.commit()
    }

    fn rollout(self: Box<Self>, wishes: Wishes) -> Box<dyn Begin> {
        Box::new(wishes.of(self.plan))
    }
}

/// The text of a whole key.
pub(super) fn stored(reading: &Reading, key: &str) -> Option<Vec<u8>> {
    let entries = &reading.listing.entries;
    entries.iter().find(|entry| entry.key == key.as_bytes()).map(|entry| entry.value.to_vec())
}

/// Whether a whole key is secret.
pub(super) fn is_secret(schema: &Schema, prefix: &Prefix, key: &str) -> bool {
    let path = in_layer(prefix, key.as_bytes()).map_or(key.as_bytes(), |(_, path)| path);
    Secrecy::of(schema.branch(), prefix).is_secret(path)
}
