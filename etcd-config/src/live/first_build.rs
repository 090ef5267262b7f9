//! What is made of the settings for the first time: from the snapshot in force, and again if that changes meanwhile.

use std::sync::{Arc, Weak, mpsc};
use std::time::Duration;

use etcd_client_core::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::timeout_at;

use crate::decode::Derived;
use crate::error::Error;
use crate::live::Live;
use crate::live::shared::Shared;
use crate::problem::{Problem, Report};
use crate::publish::any_config::config_of;
use crate::publish::held::scrub;
use crate::publish::snapshot::{AnySnapshot, Snapshot, typed, value_of};
use crate::resource::build::{Built, RUNTIME_ENDED, in_task, late, on_thread};
use crate::resource::maker::{Made, Maker, NoProduct, Product, Recipe};
use crate::resource::registry::Registration;
use crate::resource::versions::Versions;
use crate::runtime::caller::{Caller, refuse_to_block, refuse_to_wait};
use crate::runtime::deadline::runtime_deadline;
use crate::status::resource_status::ResourceStatus;

/// How often something is made anew because the settings have changed meanwhile.
const TRIES: u32 = 10;

/// Whether there is a difference that something has to be made anew for.
pub(super) type Differs<T> = Arc<dyn Fn(&T, &T) -> bool + Send + Sync>;
type OnThread<T, R> = dyn Fn(&T, &T) -> Built<R> + Send + Sync;
type InTask<T, R> = dyn Fn(&T, &T) -> BoxFuture<Built<R>> + Send + Sync;

/// What is made, and how it is called.
pub(super) struct Order<T, R> {
    pub(super) name: String,
    pub(super) is_prepare: bool,
    pub(super) limit: Duration,
    pub(super) differs: Differs<T>,
    pub(super) make: Make<T, R>,
}

/// The user's function: with the values in force, and those to come.
pub(super) enum Make<T, R> {
    OnThread(Arc<OnThread<T, R>>),
    InTask(Handle, Arc<InTask<T, R>>),
}

/// What has become of something that was made.
enum Entry<T, R> {
    Entered(Arc<Versions<R>>, Registration),
    /// The values are other ones now.
    Outdated(Arc<Snapshot<T>>),
}

type Pair<T> = (Arc<Snapshot<T>>, Arc<Snapshot<T>>);

impl<T: Derived, R: Send + Sync + 'static> Order<T, R> {
    /// Makes it, blocking the thread, and enters it.
    pub(super) fn make(&self, live: &Live<T>) -> Result<(Arc<Versions<R>>, Registration), Error> {
        refuse_to_block()?;
        live.shared.check_running()?;
        let now = live.snapshot();
        let mut pair = (Arc::clone(&now), now);
        for _ in 0..TRIES {
            let made = self.wait(live, pair.clone());
            match self.enter(live, &pair.1, made)? {
                Entry::Entered(versions, registration) => return Ok((versions, registration)),
                Entry::Outdated(now) => pair = (pair.1, now),
            }
        }
        Err(self.never_ready())
    }

    /// The same for a task.
    pub(super) async fn make_async(&self, live: &Live<T>) -> Result<(Arc<Versions<R>>, Registration), Error> {
        refuse_to_wait()?;
        live.shared.check_running()?;
        let now = live.snapshot();
        let mut pair = (Arc::clone(&now), now);
        for _ in 0..TRIES {
            let made = self.wait_async(live, pair.clone()).await;
            match self.enter(live, &pair.1, made)? {
                Entry::Entered(versions, registration) => return Ok((versions, registration)),
                Entry::Outdated(now) => pair = (pair.1, now),
            }
        }
        Err(self.never_ready())
    }

    fn wait(&self, live: &Live<T>, pair: Pair<T>) -> Built<R> {
        let (sender, receiver) = mpsc::channel();
        self.begin(live, pair, move |built| drop(sender.send(built)))?;
        receiver.recv_timeout(self.limit).unwrap_or_else(|_| Err(late(self.limit)))
    }

    async fn wait_async(&self, live: &Live<T>, pair: Pair<T>) -> Built<R> {
        let (sender, receiver) = oneshot::channel();
        let _ends = EndOnDrop(self.begin(live, pair, move |built| drop(sender.send(built)))?);
        match timeout_at(runtime_deadline(self.limit), receiver).await {
            Ok(built) => built.unwrap_or_else(|_| Err(RUNTIME_ENDED.to_owned())),
            Err(_) => Err(late(self.limit)),
        }
    }

    fn begin(
        &self,
        live: &Live<T>,
        (old, new): Pair<T>,
        done: impl FnOnce(Built<R>) + Send + 'static,
    ) -> Result<Option<AbortHandle>, String> {
        let hides = live.shared.resources().hides();
        match &self.make {
            Make::OnThread(make) => {
                let (make, caller) = (Arc::clone(make), caller(live));
                on_thread(caller, hides, move || make(&old.value, &new.value), done).map(|()| None)
            }
            Make::InTask(runtime, make) => {
                let make = Arc::clone(make);
                let build = async move {
                    let build = make(&old.value, &new.value);
                    drop((old, new));
                    build.await
                };
                Ok(Some(in_task(runtime, hides, build, done)))
            }
        }
    }

    /// Enters what was made of `seen`, unless the values have changed.
    fn enter(&self, live: &Live<T>, seen: &Arc<Snapshot<T>>, made: Built<R>) -> Result<Entry<T, R>, Error> {
        let made = match made {
            Ok(made) => made,
            Err(what) => {
                let error = self.failure(&live.shared, seen.revision, &what);
                let now = live.snapshot();
                // It failed on what is no longer so, and its words may have a secret of then, which is not known any more.
                return if (self.differs)(&seen.value, &now.value) {
                    Ok(Entry::Outdated(now))
                } else {
                    Err(error)
                };
            }
        };
        let versions = Arc::new(Versions::new(made, seen.number, Arc::clone(&live.shared.current)));
        let mut known = Arc::clone(seen);
        loop {
            let maker = || self.maker(live, &versions, seen.revision);
            if let Some(registration) = live.shared.enter(known.number, maker)? {
                return Ok(Entry::Entered(versions, registration));
            }
            let now = live.snapshot();
            if (self.differs)(&known.value, &now.value) {
                return Ok(Entry::Outdated(now));
            }
            known = now;
        }
    }

    /// How it is made from now on.
    fn maker(&self, live: &Live<T>, versions: &Arc<Versions<R>>, revision: u64) -> Maker {
        let differs = Arc::clone(&self.differs);
        let differs = move |old: &dyn AnySnapshot, new: &dyn AnySnapshot| match (value_of(old), value_of(new))
        {
            (Some(old), Some(new)) => differs(old, new),
            _ => true,
        };
        let versions = (!self.is_prepare).then(|| Arc::downgrade(versions));
        let recipe = match &self.make {
            Make::OnThread(make) => {
                let make = Arc::clone(make);
                Recipe::OnThread(Arc::new(move |old, new| {
                    let (Some(old), Some(new)) = (value_of(old), value_of(new)) else {
                        return Err(of_another_type());
                    };
                    make(old, new).map(|made| product(versions.clone(), made))
                }))
            }
            Make::InTask(runtime, make) => {
                let make = Arc::clone(make);
                let build = move |old, new| -> BoxFuture<Built<Box<dyn Product>>> {
                    let (make, versions) = (Arc::clone(&make), versions.clone());
                    Box::pin(async move {
                        let build = {
                            let (Some(old), Some(new)) = (typed::<T>(old), typed::<T>(new)) else {
                                return Err(of_another_type());
                            };
                            make(&old.value, &new.value)
                        };
                        build.await.map(|made| product(versions, made))
                    })
                };
                Recipe::InTask(runtime.clone(), Arc::new(build))
            }
        };
        let name = (self.name.clone(), self.is_prepare);
        Maker::new(name, self.limit, Box::new(differs), recipe, caller(live), revision)
    }

    fn failure(&self, shared: &Shared, revision: u64, what: &str) -> Error {
        let (keys, label) = (&shared.keys, ResourceStatus::label(&self.name, self.is_prepare));
        let (config, prefix) = (config_of::<T>(), keys.context().prefix());
        let mut problems = vec![Problem::not_built(prefix.path(), label, what)];
        scrub(&mut problems, config, keys);
        Error::from_report(Report::new(config.layout().name, prefix, revision, problems))
    }

    fn never_ready(&self) -> Error {
        let label = ResourceStatus::label(&self.name, self.is_prepare);
        Error::failed(format!(
            "{label} is never ready: each of {TRIES} times that it was built, the values had changed meanwhile"
        ))
    }
}

fn product<R: Send + Sync + 'static>(versions: Option<Weak<Versions<R>>>, made: R) -> Box<dyn Product> {
    match versions {
        Some(versions) => Box::new(Made::new(versions, made)),
        None => Box::new(NoProduct),
    }
}

fn caller<T>(live: &Live<T>) -> Caller {
    Caller::here().or(live.shared.hooks.caller())
}

/// This does not happen: all snapshots of a configuration have its type.
fn of_another_type() -> String {
    "the snapshot is of another type".to_owned()
}

/// Ends a task that nobody waits for any more.
struct EndOnDrop(Option<AbortHandle>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
