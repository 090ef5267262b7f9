//! A prefix at one revision, read once: for what looks at a configuration, or changes it, without following it.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use etcd_client_core::{Kind, Listing, Prefix, Store};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout_at};

use crate::decode::{Context, Derived, tree_of};
use crate::error::Error;
use crate::explain::{Explanation, explain};
use crate::live::first_load::{Fields, is_final, silence, watched};
use crate::past::oldest;
use crate::problem::{Kind as ProblemKind, Problem};
use crate::publish::decoding::decoded;
use crate::runtime::background::Background;
use crate::runtime::caller::{Caller, refuse_to_block};
use crate::runtime::connections::OwnConnections;
use crate::runtime::deadline::runtime_deadline;
use crate::runtime::panics;
#[cfg(feature = "cli")]
use crate::tree::directories::{directories, is_layered};
use crate::tree::{KeyTree, Replaced};

/// Between two attempts, after the first.
const PAUSE: Duration = Duration::from_millis(200);

/// What is to be read, and how long the store may take to answer.
#[derive(Clone, Debug)]
pub(crate) struct ReadPlan {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) prefix: Prefix,
    /// Which of the layers is written to, and written down.
    pub(crate) layer: usize,
    pub(crate) limit: Duration,
}

impl ReadPlan {
    /// The store, with connections that belong to the runtime at hand.
    pub(crate) fn connections_here(&self) -> Arc<OwnConnections> {
        OwnConnections::of(&self.store, Handle::current().id())
    }

    /// What lies at a place beside the prefix, at one revision; what that is, is for people: `list of instances`.
    pub(crate) async fn list_beside(
        &self,
        place: &Prefix,
        what: &'static str,
        name: &str,
    ) -> Result<Listing, Error> {
        let store = self.connections_here().store();
        match newest(&*store, place, self.limit).await {
            Ok(listing) => Ok(listing),
            Err(Some(error)) if is_final(&error) => {
                Err(Error::refusal(&format!("the {what} of {name}"), place, error))
            }
            Err(last) => Err(Error::silence(what, self.limit, last.or_else(|| store.outage()))),
        }
    }
}

/// Everything below a prefix at one revision.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    plan: ReadPlan,
    /// The prefix, with the keys that the store hides unless they are named.
    watched: Prefix,
    pub(crate) listing: Arc<Listing>,
    /// Kept for the calls that follow.
    connections: Arc<OwnConnections>,
    _background: Option<Arc<Background>>,
}

impl Reading {
    /// Reads, on this runtime.
    pub(crate) async fn new<T: Derived>(plan: ReadPlan, at: Option<u64>) -> Result<Self, Error> {
        let connections = plan.connections_here();
        let watched = watched(plan.store.as_ref(), &plan.prefix, Fields::of::<T>());
        let store = connections.store();
        let listing = if let Some(revision) = at {
            Arc::new(listing_at::<T>(&*store, &plan.prefix, &watched, revision).await?)
        } else {
            match newest(&*store, &watched, plan.limit).await {
                Ok(listing) => Arc::new(listing),
                Err(Some(error)) if is_final(&error) => {
                    return Err(Error::refusal(T::LAYOUT.name, &plan.prefix, error));
                }
                Err(last) => return Err(silence(plan.limit, &connections, last, None)),
            }
        };
        Ok(Self { plan, watched, listing, connections, _background: None })
    }

    /// The same for blocking code, on the thread of the process.
    pub(crate) fn blocking<T: Derived>(plan: ReadPlan, at: Option<u64>) -> Result<Self, Error> {
        let (reading, background) = in_background(Self::new::<T>(plan, at))?;
        Ok(Self { _background: Some(background), ..reading? })
    }

    /// What was to be read.
    pub(crate) fn plan(&self) -> &ReadPlan {
        &self.plan
    }

    pub(crate) fn prefix(&self) -> &Prefix {
        &self.plan.prefix
    }

    /// Which of the layers is written to, and written down.
    pub(crate) fn layer(&self) -> usize {
        self.plan.layer
    }

    /// The prefix of that layer; without layers the whole one.
    #[cfg(feature = "cli")]
    pub(crate) fn layer_prefix(&self) -> Prefix {
        let mut layers = directories(self.prefix());
        match layers.nth(self.layer()).filter(|_| is_layered(self.prefix())) {
            Some(directory) => Prefix::new(directory),
            None => self.prefix().clone(),
        }
    }

    /// Where each value of that layer comes from, as if there were no other, and no variable of the environment.
    #[cfg(feature = "cli")]
    pub(crate) fn explain_layer<T: Derived>(&self) -> Explanation {
        let context = Context::new::<T>(self.prefix().clone()).without_variables();
        let tree = context.tree(&self.listing);
        explain(tree.layer(self.layer()), &context, &Replaced::default(), false)
    }

    /// What a listing, and guarded writes, are asked for with.
    pub(crate) fn watched(&self) -> &Prefix {
        &self.watched
    }

    /// The store, with connections that belong to the runtime at hand.
    pub(crate) fn connections_here(&self) -> Arc<OwnConnections> {
        self.plan.connections_here()
    }

    /// How many writes the store takes at once.
    pub(crate) fn writes_at_once(&self) -> usize {
        writes_at_once(&*self.plan.store, &self.watched)
    }

    /// Where each value comes from, whether or not it is good: of a start of this process.
    pub(crate) fn explain<T: Derived>(&self) -> Explanation {
        let context = Context::new::<T>(self.prefix().clone());
        explain(&context.tree(&self.listing), &context, &Replaced::default(), false)
    }

    /// The prefix as it was at an earlier revision, on the runtime at hand.
    pub(crate) async fn at<T: Derived>(&self, revision: u64) -> Result<Listing, Error> {
        let connections = self.connections_here();
        listing_at::<T>(&*connections.store(), &self.plan.prefix, &self.watched, revision).await
    }

    /// The connections that it was read over.
    pub(crate) fn connections(&self) -> &Arc<OwnConnections> {
        &self.connections
    }

    /// What was read, as directories.
    pub(crate) fn tree<T: Derived>(&self) -> KeyTree {
        tree_of::<T>(&self.plan.prefix, &self.listing)
    }
}

/// The state of the prefix, through outages within the limit; else the last error.
pub(crate) async fn newest(
    store: &dyn Store,
    prefix: &Prefix,
    limit: Duration,
) -> Result<Listing, Option<etcd_client_core::Error>> {
    let deadline = runtime_deadline(limit);
    let mut last = None;
    loop {
        match timeout_at(deadline, store.list(prefix)).await {
            Ok(Ok(listing)) => return Ok(listing),
            Ok(Err(error)) if is_final(&error) => return Err(Some(error)),
            Ok(Err(error)) => {
                // The first time at once: another endpoint may serve.
                let pause = if last.is_none() { Duration::ZERO } else { PAUSE };
                last = Some(error);
                if Instant::now() + pause >= deadline {
                    return Err(last);
                }
                sleep(pause).await;
            }
            Err(_) => return Err(last),
        }
    }
}

/// A value, and whether no environment variable has a part in it.
pub(crate) struct Decoded<T> {
    pub(crate) value: T,
    pub(crate) is_by_keys: bool,
}

/// Decodes a tree as a process that begins now. Other processes may have other environment variables: where this one
/// has any that count, the keys have to be good without them, too, and the value is the one that the keys make.
pub(crate) fn decode_all<T: Derived>(tree: &KeyTree) -> Result<Decoded<T>, Vec<Problem>> {
    Caller::here().decode(|| {
        let prefix = tree.prefix().clone();
        let context = Context::new::<T>(prefix.clone());
        let value = decoded::<T>(tree, &context, None).map(|(value, _)| value);
        if !context.has_variables() {
            return value.map(|value| Decoded { value, is_by_keys: true });
        }
        let bare = Context::with_environment::<T>(prefix, |_| None);
        let (by_keys, more) = match decoded::<T>(tree, &bare, None) {
            Ok((value, _)) => (Some(value), Vec::new()),
            // What only a variable can give is missing here, and that is all right.
            Err(problems) => (None, without_missing(problems, &bare)),
        };
        let mut problems = value.as_ref().err().cloned().unwrap_or_default();
        let new: Vec<Problem> = more.into_iter().filter(|problem| !has(&problems, problem)).collect();
        problems.extend(new);
        match (value, by_keys) {
            (Ok(unused), Some(value)) if problems.is_empty() => {
                panics::drop_caught(unused);
                Ok(Decoded { value, is_by_keys: true })
            }
            (Ok(value), None) if problems.is_empty() => Ok(Decoded { value, is_by_keys: false }),
            unused => {
                panics::drop_caught(unused);
                Err(problems)
            }
        }
    })
}

fn has(problems: &[Problem], other: &Problem) -> bool {
    problems.iter().any(|problem| (&problem.key, problem.kind) == (&other.key, other.kind))
}

fn without_missing(problems: Vec<Problem>, context: &Context) -> Vec<Problem> {
    let by_variable = |problem: &Problem| {
        let mut fields = context.schema().fields().iter();
        problem.kind == ProblemKind::Missing
            && fields.any(|field| field.env().is_some() && field.path() == problem.field())
    };
    problems.into_iter().filter(|problem| !by_variable(problem)).collect()
}

/// Runs something on the thread of the process, and waits for it.
pub(crate) fn in_background<R: Send + 'static>(
    work: impl Future<Output = R> + Send + 'static,
) -> Result<(R, Arc<Background>), Error> {
    refuse_to_block()?;
    let background =
        Background::shared().map_err(|error| Error::io("no thread to talk to the store from", error))?;
    let (sender, receiver) = mpsc::sync_channel(1);
    background.runtime().spawn(async move {
        // An error means that the caller has given up.
        let _ = sender.send(panics::caught_in(work).await);
    });
    let answer = receiver
        .recv()
        .map_err(|_| Error::stopped("the thread that talks to the store has ended before it was done"))?;
    let answer = answer.map_err(|panic| {
        Error::failed(format!("talking to the store panicked: {}", panics::shown(&panic)))
    })?;
    Ok((answer, background))
}

/// How many writes a store takes at once below a prefix: each further directory takes the place of one.
pub(crate) fn writes_at_once(store: &dyn Store, prefix: &Prefix) -> usize {
    match store.writes_at_once() {
        few @ 0..=1 => few,
        most => most.saturating_sub(prefix.directories().len() - 1).max(1),
    }
}

async fn listing_at<T: Derived>(
    store: &dyn Store,
    prefix: &Prefix,
    watched: &Prefix,
    revision: u64,
) -> Result<Listing, Error> {
    match store.list_at(watched, revision).await {
        Ok(listing) => Ok(listing),
        Err(error) => {
            let oldest = match error.kind() {
                Kind::Compacted => oldest(store, watched, revision, &error).await,
                _ => None,
            };
            Err(past_refused::<T>(prefix, revision, error, oldest))
        }
    }
}

/// Why the past cannot be read, and what to do.
pub(crate) fn past_refused<T: Derived>(
    prefix: &Prefix,
    revision: u64,
    error: etcd_client_core::Error,
    oldest: Option<u64>,
) -> Error {
    let what = format!("{} cannot be read from {prefix} at revision {revision}", T::LAYOUT.name);
    let way_out = match (error.kind(), oldest) {
        (Kind::Compacted, Some(oldest)) => {
            format!(": etcd keeps its past until it is compacted; take a later revision, from {oldest} on")
        }
        (Kind::Compacted, None) => {
            ": etcd keeps its past until it is compacted; take a later revision".to_owned()
        }
        (Kind::FutureRevision, _) => ": it has not come to that; take an earlier revision".to_owned(),
        _ => String::new(),
    };
    Error::refused(what, error, way_out)
}
