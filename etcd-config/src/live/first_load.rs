//! A configuration that has been read, and is not followed yet: first its keys, from the network, then
//! their values, which the user's own code decodes.

use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::watcher::{self, Event, Watcher};
use etcd_client_core::{Kind, Listing, Prefix, Store};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::cache::{Cache, CacheLocation, Image, without_secrets};
use crate::decode::{Context, Derived, survey};
use crate::error::Error;
use crate::live::neighbours::{self, Hint};
use crate::problem::{self, Report};
use crate::publish::Publisher;
use crate::publish::snapshot::Snapshot;
use crate::publish::speed::DecodeSpeed;
use crate::runtime::caller::Caller;
use crate::runtime::connections::OwnConnections;
use crate::runtime::deadline::runtime_deadline;
use crate::runtime::panics;
use crate::schema::Schema;
use crate::schema::hidden::Hidden;
use crate::status::CacheFile;

/// What to watch, and how.
#[derive(Clone, Debug)]
pub(crate) struct WatchPlan {
    pub(crate) prefix: Prefix,
    pub(crate) startup_timeout: Duration,
    pub(crate) debounce: Duration,
    pub(crate) watcher: watcher::Options,
    pub(crate) cache: Option<CacheLocation>,
}

/// What the store has answered within the start-up limit, or that it has not.
pub(crate) struct FirstAnswer {
    watcher: Watcher,
    first: First,
    /// If there are no keys: where they may be instead.
    hint: Option<Hint>,
    prefix: Prefix,
    startup_timeout: Duration,
    debounce: Duration,
    cache: Option<CacheLocation>,
    connections: Arc<OwnConnections>,
}

/// The first snapshot, and all that is needed to go on from it.
pub(crate) struct FirstLoad<T> {
    pub(crate) first: Snapshot<T>,
    pub(crate) publisher: Publisher<T>,
    pub(crate) speed: DecodeSpeed,
    pub(crate) watcher: Watcher,
    pub(crate) loaded_from: LoadedFrom,
    pub(crate) cache: Option<Arc<Cache>>,
    pub(crate) debounce: Duration,
    /// Keeps the connections open that the watcher uses, for others to share.
    pub(crate) connections: Arc<OwnConnections>,
}

/// Where the first snapshot came from.
pub(crate) enum LoadedFrom {
    Etcd,
    /// The file, and the state that has kept the watcher from reading something newer.
    Cache {
        file: CacheFile,
        state: Option<watcher::State>,
    },
}

impl FirstAnswer {
    /// Asks the store, on the runtime on which it is to be followed.
    pub(crate) async fn new<T: Derived>(store: &Arc<dyn Store>, plan: WatchPlan) -> Result<Self, Error> {
        let WatchPlan { prefix, startup_timeout, debounce, watcher, cache } = plan;
        let connections = OwnConnections::of(store, Handle::current().id());
        let mut watcher = Watcher::new(connections.store(), watched::<T>(store.as_ref(), &prefix), watcher);
        let deadline = runtime_deadline(startup_timeout);
        let first = first_listing::<T>(&mut watcher, &prefix, startup_timeout).await?;
        let hint = match &first {
            First::Listing(listing) if listing.entries.is_empty() => {
                let left = deadline.saturating_duration_since(tokio::time::Instant::now());
                neighbours::hint(&*connections.store(), &prefix, T::LAYOUT, left).await
            }
            _ => None,
        };
        Ok(Self { watcher, first, hint, prefix, startup_timeout, debounce, cache, connections })
    }

    /// How many keys there are; `None` if a file is to be read instead.
    pub(crate) fn keys(&self) -> Option<usize> {
        match &self.first {
            First::Listing(listing) => Some(listing.entries.len()),
            First::Silence(_) => None,
        }
    }

    /// Makes the first snapshot. Runs the user's code, may read a file, and so blocks.
    pub(crate) fn decode<T: Derived>(self, caller: &Caller) -> Result<FirstLoad<T>, Error> {
        caller.decode(|| self.make())
    }

    fn make<T: Derived>(self) -> Result<FirstLoad<T>, Error> {
        let Self { mut watcher, first, hint, prefix, startup_timeout, debounce, cache, connections } = self;
        let schema = || Schema::new(survey::<T>(), &prefix);
        let cache = cache.map(|place| Arc::new(Cache::new(place, prefix.clone(), schema())));
        let context = Context::new::<T>(prefix.clone());
        let (listing, loaded_from) = match (first, &cache) {
            (First::Listing(listing), _) => (listing, LoadedFrom::Etcd),
            (First::Silence(state), None) => {
                return Err(silence(startup_timeout, &connections, state.as_ref(), None));
            }
            (First::Silence(state), Some(cache)) => {
                let (publisher, first, speed, file) = from_cache::<T>(cache, context, &mut watcher)
                    .map_err(|why| silence(startup_timeout, &connections, state.as_ref(), Some(why)))?;
                let loaded_from = LoadedFrom::Cache { file, state };
                let cache = Some(Arc::clone(cache));
                return Ok(FirstLoad {
                    first,
                    publisher,
                    speed,
                    watcher,
                    loaded_from,
                    cache,
                    debounce,
                    connections,
                });
            }
        };
        let hint = hint.map(|hint| hint.said_of(context.schema(), &prefix));
        let (publisher, first, speed) = Publisher::new(context, &listing, hint.as_deref())?;
        let (name, revision, keys) = (T::LAYOUT.name, listing.revision, listing.entries.len());
        panics::log(|| {
            if let Some(what) = publisher.nothing_read() {
                tracing::warn!(name, %prefix, "nothing was read from the store: {what}");
            }
            tracing::info!(name, %prefix, revision, keys, "configuration loaded");
        });
        Ok(FirstLoad { first, publisher, speed, watcher, loaded_from, cache, debounce, connections })
    }
}

impl<T: Derived> FirstLoad<T> {
    /// What the keys are now.
    pub(crate) fn listing(&self) -> Listing {
        self.publisher.keys().listing(self.watcher.cluster())
    }
}

/// The prefix, with the keys that the store hides unless they are named.
pub(crate) fn watched<T: Derived>(store: &dyn Store, prefix: &Prefix) -> Prefix {
    if !store.hides_keys() {
        return prefix.clone();
    }
    let Hidden { named, in_entries, maps } = Hidden::of(&survey::<T>(), prefix);
    let name = T::LAYOUT.name;
    if !in_entries.is_empty() {
        let keys = in_entries.join(", ");
        panics::log(|| {
            tracing::warn!(name, %prefix, keys, "etcd's v2 API hides keys that begin with `_`, and these lie in \
                entries of a map, whose names are not known: they are read as absent");
        });
    }
    if !maps.is_empty() {
        let maps = maps.join(", ");
        panics::log(|| {
            tracing::warn!(name, %prefix, maps, "etcd's v2 API hides keys that begin with `_`: these maps have no such \
                entries");
        });
    }
    prefix.clone().naming(named)
}

/// The outcome of waiting for the store.
pub(crate) enum First {
    Listing(Arc<Listing>),
    /// No answer; the watcher's last state.
    Silence(Option<watcher::State>),
}

/// Waits for the first authoritative read: through outages within the limit, but not after an error that waiting
/// does not cure.
pub(crate) async fn first_listing<T: Derived>(
    watcher: &mut Watcher,
    prefix: &Prefix,
    limit: Duration,
) -> Result<First, Error> {
    let mut last = None;
    let listed = timeout(limit, async {
        loop {
            match watcher.next().await {
                Event::Listed(listing) => return Ok(First::Listing(listing)),
                Event::State(state) => {
                    let Some(error) = state.error() else { continue };
                    if is_final(error) {
                        return Err(Error::refusal(T::LAYOUT.name, prefix, error.clone()));
                    }
                    last = Some(state);
                }
                _ => {}
            }
        }
    });
    listed.await.unwrap_or(Ok(First::Silence(last)))
}

fn is_final(error: &etcd_client_core::Error) -> bool {
    error.is_access() || matches!(error.kind(), Kind::InvalidInput | Kind::InvalidRequest | Kind::TooLarge)
}

/// The last error, unless the store can name more endpoints, and has asked any: the limit may pass
/// meanwhile.
pub(crate) fn silence(
    limit: Duration,
    connections: &OwnConnections,
    state: Option<&watcher::State>,
    cache: Option<String>,
) -> Error {
    let last = state.and_then(watcher::State::error).cloned();
    let says_more = |outage: &etcd_client_core::Error| {
        let failures = outage.failures();
        let was_asked = failures.iter().any(|failure| !failure.elapsed.is_zero());
        last.as_ref().is_none_or(|last| was_asked && failures.len() > last.failures().len())
    };
    let outage = connections.store().outage().filter(says_more);
    Error::startup_timeout(limit, outage.or(last), cache)
}

/// The first snapshot from the cache file, or why the file is of no use.
fn from_cache<T: Derived>(
    cache: &Arc<Cache>,
    context: Context,
    watcher: &mut Watcher,
) -> Result<(Publisher<T>, Snapshot<T>, DecodeSpeed, CacheFile), String> {
    let path = cache.path().display().to_string();
    let Image { listing, written_at, withheld, .. } = cache.read().map_err(|why| cache.warn_no_use(&why))?;
    let listing = Arc::new(listing);
    let prefix = context.prefix().clone();
    let (mut publisher, first, speed) = Publisher::new(context, &listing, None)
        .map_err(|report| cache.warn_no_use(&why_useless(&report, &withheld)))?;
    publisher.mark_from_cache();
    let (name, revision) = (T::LAYOUT.name, listing.revision);
    watcher.assume(listing);
    panics::log(|| {
        tracing::warn!(name, %prefix, path, revision, "etcd could not be read: configuration loaded from the cache");
    });
    let saved_at = Some(written_at);
    Ok((publisher, first, speed, CacheFile { saved_at, revision: Some(revision), ..cache.unsaved() }))
}

/// Why what was cached does not make a configuration.
fn why_useless(report: &Report, withheld: &[bytes::Bytes]) -> String {
    let is_withheld = |key: &str| withheld.iter().any(|other| *other == key.as_bytes());
    let missing = report.problems().iter().filter(|problem| problem.kind() == problem::Kind::Missing);
    let secrets: Vec<&str> = missing.map(problem::Problem::key).filter(|key| is_withheld(key)).collect();
    if secrets.is_empty() {
        return report.to_string();
    }
    format!("{}, or see that etcd answers", without_secrets(&secrets))
}
