//! A configuration that has been read, and is not followed yet: first its keys, from the network, then
//! their values, which the user's own code decodes.

use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::watcher::{self, Event, Watcher};
use etcd_client_core::{Kind, Listing, PackedListing, Prefix, Store};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::cache::{Cache, CacheLocation, Image, without_secrets};
use crate::decode::{Context, Derived, survey};
use crate::error::Error;
use crate::instance::InstancePlan;
use crate::live::last_good::past_before;
use crate::live::neighbours::{self, Hint};
use crate::past::Past;
use crate::problem::{self, Report};
use crate::publish::Publisher;
use crate::publish::any_config::AnyConfig;
use crate::publish::decoding::decoded_any;
use crate::publish::snapshot::{AnySnapshot, Snapshot, typed};
use crate::publish::speed::DecodeSpeed;
use crate::runtime::caller::Caller;
use crate::runtime::connections::OwnConnections;
use crate::runtime::deadline::{common_moment, runtime_deadline};
use crate::runtime::panics;
use crate::schema::Schema;
use crate::schema::hidden::Hidden;
use crate::shape::branch::Branch;
use crate::shape::layout::Layout;
use crate::status::CacheFile;
use crate::tree::directories::directories;

/// What to watch, and how.
#[derive(Clone, Debug)]
pub(crate) struct WatchPlan {
    pub(crate) prefix: Prefix,
    pub(crate) startup_timeout: Duration,
    pub(crate) debounce: Duration,
    pub(crate) watcher: watcher::Options,
    pub(crate) cache: Option<CacheLocation>,
    /// If the newest state is refused, the newest that is not is looked for in the store's past.
    pub(crate) last_good: bool,
    /// Where it is to be listed in the fleet.
    pub(crate) instance: Option<Box<InstancePlan>>,
}

/// What is read of the keys, without the type that they become.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    layout: &'static Layout,
    survey: fn() -> Branch,
}

impl Fields {
    pub(crate) fn of<T: Derived>() -> Self {
        Self { layout: T::LAYOUT, survey: survey::<T> }
    }

    pub(crate) fn layout(&self) -> &'static Layout {
        self.layout
    }
}

/// What the store has answered within the start-up limit, or that it has not.
pub(crate) struct FirstAnswer {
    watcher: Watcher,
    /// What the watcher lists.
    listed: Prefix,
    first: First,
    /// What the store's past had, where the newest state is refused.
    past: Option<Result<Listing, String>>,
    wants_last_good: bool,
    /// If there are no keys: where they may be instead.
    hint: Option<Hint>,
    prefix: Prefix,
    startup_timeout: Duration,
    debounce: Duration,
    cache: Option<CacheLocation>,
    instance: Option<Box<InstancePlan>>,
    connections: Arc<OwnConnections>,
}

/// The first snapshot, and all that is needed to go on from it.
pub(crate) struct FirstLoad {
    first: Arc<dyn AnySnapshot>,
    pub(crate) publisher: Publisher,
    pub(crate) speed: DecodeSpeed,
    pub(crate) watcher: Watcher,
    pub(crate) loaded_from: LoadedFrom,
    /// The newest state, where that is refused, and the first snapshot is of an earlier one.
    pub(crate) refused: Option<Listing>,
    pub(crate) cache: Option<Arc<Cache>>,
    pub(crate) debounce: Duration,
    pub(crate) instance: Option<Box<InstancePlan>>,
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
    pub(crate) async fn new(store: &Arc<dyn Store>, plan: WatchPlan, fields: Fields) -> Result<Self, Error> {
        let WatchPlan { prefix, startup_timeout, debounce, mut watcher, cache, last_good, instance } = plan;
        watcher.aligned_to = Some(common_moment());
        // What is committed must not be read together with what was written after it.
        watcher.replay_each = fields.layout.commit_key.is_some();
        let commit_keys =
            fields.layout.commit_key.iter().flat_map(|key| {
                directories(&prefix).map(move |directory| format!("{directory}{key}").into())
            });
        watcher.commit_keys = commit_keys.collect();
        let connections = OwnConnections::of(store, Handle::current().id());
        let listed = watched(store.as_ref(), &prefix, fields);
        let mut watcher = Watcher::new(connections.store(), listed.clone(), watcher);
        let deadline = runtime_deadline(startup_timeout);
        let first = first_listing(&mut watcher, &prefix, fields.layout.name, startup_timeout).await?;
        let hint = match &first {
            First::Listed(listing) if listing.is_empty() => {
                let left = deadline.saturating_duration_since(tokio::time::Instant::now());
                neighbours::hint(&*connections.store(), &prefix, fields.layout, left).await
            }
            _ => None,
        };
        let (past, wants_last_good) = (None, last_good);
        Ok(Self {
            watcher,
            listed,
            first,
            past,
            wants_last_good,
            hint,
            prefix,
            startup_timeout,
            debounce,
            cache,
            instance,
            connections,
        })
    }

    /// Whether a state of the past will do.
    pub(crate) fn wants_last_good(&self) -> bool {
        self.wants_last_good
    }

    /// The past, where it is wanted, and the newest state is refused. Runs the user's code.
    pub(crate) fn past(&self, config: &dyn AnyConfig, caller: &Caller) -> Option<Past> {
        let First::Listed(listing) = &self.first else { return None };
        if !self.wants_last_good {
            return None;
        }
        let context = config.context(self.prefix.clone());
        let tree = context.shared_tree(listing);
        let decoded = caller.decode(|| decoded_any(config, &tree, &context, None));
        let is_refused = decoded.is_err();
        panics::drop_caught(decoded);
        is_refused.then(|| past_before(Arc::new(listing.listing()), &self.listed))
    }

    /// What such a search has found: a state to start from, or why there is none.
    pub(crate) fn with_past(self, past: Result<Listing, String>) -> Self {
        Self { past: Some(past), ..self }
    }

    /// What the past is read over, and from where.
    pub(crate) fn place(&self) -> (Arc<OwnConnections>, Prefix) {
        (Arc::clone(&self.connections), self.prefix.clone())
    }

    /// How many keys there are; `None` if a file is to be read instead.
    pub(crate) fn keys(&self) -> Option<usize> {
        match &self.first {
            First::Listed(listing) => Some(listing.len()),
            First::Silence(_) => None,
        }
    }

    /// Makes the first snapshot. Runs the user's code, may read a file, and so blocks.
    pub(crate) fn decode(self, config: &'static dyn AnyConfig, caller: &Caller) -> Result<FirstLoad, Error> {
        caller.decode(|| self.make(config))
    }

    fn make(self, config: &'static dyn AnyConfig) -> Result<FirstLoad, Error> {
        let Self {
            mut watcher,
            first,
            past,
            hint,
            prefix,
            startup_timeout,
            debounce,
            cache,
            instance,
            connections,
            ..
        } = self;
        let schema = || Schema::new(config.fields(), &prefix);
        let cache = cache.map(|place| Arc::new(Cache::new(place, prefix.clone(), schema())));
        let context = config.context(prefix.clone());
        // `etcdctl put` is not for the older API.
        let names_commands = !connections.store().hides_keys();
        let from_store = |context, listing: &Arc<PackedListing>, hint| {
            Loaded::from_store(config, context, listing, hint, names_commands)
        };
        let (refused, loaded) = match (first, past, &cache) {
            (First::Listed(newest), None, _) => (None, from_store(context, &newest, hint)?),
            (First::Listed(newest), Some(Ok(good)), _) => {
                let good = Arc::new(PackedListing::of(&good));
                (Some(newest.listing()), from_store(context, &good, None)?)
            }
            (First::Listed(newest), Some(Err(why)), cache) => {
                let again = config.context(prefix.clone());
                let cached =
                    cache.as_ref().map(|cache| Loaded::from_cache(config, cache, again, &mut watcher, None));
                if let Some(Ok(loaded)) = cached {
                    (Some(newest.listing()), loaded)
                } else {
                    let loaded = from_store(context, &newest, hint);
                    (None, loaded.map_err(|report| report.with_remark(Some(&why)))?)
                }
            }
            (First::Silence(state), _, None) => {
                return Err(silence(startup_timeout, &connections, error_of(state.as_ref()), None));
            }
            (First::Silence(state), _, Some(cache)) => {
                let loaded = Loaded::from_cache(config, cache, context, &mut watcher, state.clone());
                let last = error_of(state.as_ref());
                let silence = |why| silence(startup_timeout, &connections, last, Some(why));
                (None, loaded.map_err(silence)?)
            }
        };
        let Loaded { publisher, first, speed, origin: loaded_from } = loaded;
        Ok(FirstLoad {
            first,
            publisher,
            speed,
            watcher,
            loaded_from,
            refused,
            cache,
            debounce,
            instance,
            connections,
        })
    }
}

/// What was read, decoded.
struct Loaded {
    publisher: Publisher,
    first: Arc<dyn AnySnapshot>,
    speed: DecodeSpeed,
    origin: LoadedFrom,
}

impl Loaded {
    fn from_store(
        config: &'static dyn AnyConfig,
        context: Context,
        listing: &Arc<PackedListing>,
        hint: Option<Hint>,
        names_commands: bool,
    ) -> Result<Self, Report> {
        let prefix = context.prefix().clone();
        let neighbours = hint.map(|hint| hint.said_of(context.schema(), &prefix));
        let (publisher, first, speed) =
            Publisher::new(config, context, listing, neighbours.as_ref(), names_commands)?;
        let (name, revision, keys) = (config.layout().name, listing.revision(), listing.len());
        log_loaded(name, &prefix, revision, keys, publisher.nothing_read());
        Ok(Self { publisher, first, speed, origin: LoadedFrom::Etcd })
    }

    /// The first snapshot from the cache file, or why the file is of no use. `state` has kept the watcher from reading
    /// something newer.
    fn from_cache(
        config: &'static dyn AnyConfig,
        cache: &Arc<Cache>,
        context: Context,
        watcher: &mut Watcher,
        state: Option<watcher::State>,
    ) -> Result<Self, String> {
        let path = cache.path().display().to_string();
        let Image { listing, written_at, withheld, .. } =
            cache.read().map_err(|why| cache.warn_no_use(&why))?;
        let listing = Arc::new(listing);
        let prefix = context.prefix().clone();
        let packed = Arc::new(PackedListing::of(&listing));
        let (mut publisher, first, speed) = Publisher::new(config, context, &packed, None, false)
            .map_err(|report| cache.warn_no_use(&why_useless(&report, &withheld)))?;
        publisher.mark_from_cache();
        let (name, revision) = (config.layout().name, listing.revision);
        watcher.assume(listing);
        log_loaded_from_cache(name, &prefix, &path, revision);
        let saved_at = Some(written_at);
        let file = CacheFile { saved_at, revision: Some(revision), ..cache.unsaved() };
        Ok(Self { publisher, first, speed, origin: LoadedFrom::Cache { file, state } })
    }
}

impl FirstLoad {
    /// The first snapshot.
    pub(crate) fn first<T: Derived>(&self) -> Result<Arc<Snapshot<T>>, Error> {
        typed(Arc::clone(&self.first)).ok_or_else(of_another_type)
    }

    /// The value of the first snapshot, for a configuration that is read once.
    pub(crate) fn into_value<T: Derived>(self) -> Result<T, Error> {
        let first = typed(self.first).and_then(Arc::into_inner);
        first.map(|first| first.value).ok_or_else(of_another_type)
    }

    /// What the keys are now.
    pub(crate) fn listing(&self) -> Listing {
        self.publisher.keys().listing(self.watcher.cluster())
    }
}

/// This does not happen: the caller has had it read as this type.
fn of_another_type() -> Error {
    Error::failed("what was read is a configuration of another type".to_owned())
}

fn log_loaded(name: &str, prefix: &Prefix, revision: u64, keys: usize, nothing_read: Option<&str>) {
    panics::log(|| {
        if let Some(what) = nothing_read {
            tracing::warn!(name, %prefix, "nothing was read from the store: {what}");
        }
        tracing::info!(name, %prefix, revision, keys, "configuration loaded");
    });
}

/// The prefix, with the keys that the store hides unless they are named.
pub(crate) fn watched(store: &dyn Store, prefix: &Prefix, fields: Fields) -> Prefix {
    if !store.hides_keys() {
        return prefix.clone();
    }
    let Hidden { named, in_entries, maps } = Hidden::of(&(fields.survey)(), prefix);
    let name = fields.layout.name;
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
    naming(prefix, &named)
}

/// The prefix with these paths named in each of its directories.
fn naming(prefix: &Prefix, named: &[String]) -> Prefix {
    let mut layers = directories(prefix).map(|directory| Prefix::new(directory).naming(named));
    // Joined they are a prefix already, so they can be.
    let joined =
        layers.next().and_then(|lowest| layers.try_fold(lowest, |below, layer| below.and(&layer).ok()));
    joined.unwrap_or_else(|| prefix.clone())
}

/// The outcome of waiting for the store.
enum First {
    Listed(Arc<PackedListing>),
    /// No answer; the watcher's last state.
    Silence(Option<watcher::State>),
}

/// Waits for the first authoritative read: through outages within the limit, but not after an error that waiting
/// does not cure.
async fn first_listing(
    watcher: &mut Watcher,
    prefix: &Prefix,
    name: &str,
    limit: Duration,
) -> Result<First, Error> {
    let mut last = None;
    let listed = timeout(limit, async {
        loop {
            match watcher.next().await {
                Event::Listed(listing) => {
                    let packed = watcher.listed().unwrap_or_else(|| Arc::new(PackedListing::of(&listing)));
                    return Ok(First::Listed(packed));
                }
                Event::State(state) => {
                    let Some(error) = state.error() else { continue };
                    if is_final(error) {
                        return Err(Error::refusal(name, prefix, error.clone()));
                    }
                    last = Some(state);
                }
                _ => {}
            }
        }
    });
    listed.await.unwrap_or(Ok(First::Silence(last)))
}

/// Whether waiting does not cure it.
pub(crate) fn is_final(error: &etcd_client_core::Error) -> bool {
    error.is_access() || matches!(error.kind(), Kind::InvalidInput | Kind::InvalidRequest | Kind::TooLarge)
}

fn error_of(state: Option<&watcher::State>) -> Option<etcd_client_core::Error> {
    state.and_then(watcher::State::error).cloned()
}

/// The last error, unless the store can name more endpoints, and has asked any: the limit may pass
/// meanwhile.
pub(crate) fn silence(
    limit: Duration,
    connections: &OwnConnections,
    last: Option<etcd_client_core::Error>,
    cache: Option<String>,
) -> Error {
    let says_more = |outage: &etcd_client_core::Error| {
        let failures = outage.failures();
        let was_asked = failures.iter().any(|failure| !failure.elapsed.is_zero());
        last.as_ref().is_none_or(|last| was_asked && failures.len() > last.failures().len())
    };
    let outage = connections.store().outage().filter(says_more);
    Error::startup_timeout(limit, outage.or(last), cache)
}

fn log_loaded_from_cache(name: &str, prefix: &Prefix, path: &str, revision: u64) {
    panics::log(|| {
        tracing::warn!(name, %prefix, path, revision, "etcd could not be read: configuration loaded from the cache");
    });
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
