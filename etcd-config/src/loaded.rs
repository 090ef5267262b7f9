//! A configuration that has been read, and is not followed yet.

use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::watcher::{self, Event, Watcher};
use etcd_client_core::{Kind, Listing, Prefix, Store};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::cache::{Cache, Image, Place};
use crate::config::EtcdConfig;
use crate::decode::{Context, survey};
use crate::error::Error;
use crate::problem::{self, Report};
use crate::publisher::Publisher;
use crate::schema::Schema;
use crate::snapshot::Snapshot;
use crate::status::CacheFile;
use crate::twin::Twin;

/// What to watch, and how.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) prefix: Prefix,
    pub(crate) startup_timeout: Duration,
    pub(crate) debounce: Duration,
    pub(crate) watcher: watcher::Options,
    pub(crate) cache: Option<Place>,
}

/// The first snapshot, and all that is needed to go on from it.
pub(crate) struct Loaded<T> {
    pub(crate) first: Snapshot<T>,
    pub(crate) publisher: Publisher<T>,
    pub(crate) watcher: Watcher,
    pub(crate) origin: Origin,
    pub(crate) cache: Option<Arc<Cache>>,
    pub(crate) debounce: Duration,
    /// Keeps the connections open that the watcher uses, for others to share.
    pub(crate) twin: Arc<Twin>,
}

/// Where the first snapshot came from.
pub(crate) enum Origin {
    Etcd,
    /// The file, and what has kept the watcher from reading something newer.
    Cache {
        file: CacheFile,
        state: Option<watcher::State>,
    },
}

impl<T: EtcdConfig> Loaded<T> {
    /// Reads the first snapshot, on the runtime on which it is to be followed.
    pub(crate) async fn new(store: &Arc<dyn Store>, plan: Plan) -> Result<Self, Error> {
        let Plan { prefix, startup_timeout, debounce, watcher, cache } = plan;
        let schema = || Schema::new(survey::<T>(), &prefix);
        let cache = cache.map(|place| Arc::new(Cache::new(place, prefix.clone(), schema())));
        let twin = Twin::of(store, Handle::current().id());
        let mut watcher = Watcher::new(twin.store(), prefix.clone(), watcher);
        let context = Context::new::<T>(prefix.clone());
        let (listing, origin) =
            match (first_listing::<T>(&mut watcher, &prefix, startup_timeout).await?, &cache) {
                (First::Listing(listing), _) => (listing, Origin::Etcd),
                (First::Silence(state), None) => {
                    return Err(silence(startup_timeout, &twin, state.as_ref(), None));
                }
                (First::Silence(state), Some(cache)) => {
                    let (publisher, first, file) = from_cache::<T>(cache, context, &mut watcher)
                        .await
                        .map_err(|why| silence(startup_timeout, &twin, state.as_ref(), Some(why)))?;
                    let origin = Origin::Cache { file, state };
                    let cache = Some(Arc::clone(cache));
                    return Ok(Self { first, publisher, watcher, origin, cache, debounce, twin });
                }
            };
        let (publisher, first) = Publisher::new(context, &listing)?;
        let (name, revision, keys) = (T::LAYOUT.name, listing.revision, listing.entries.len());
        if keys == 0 {
            tracing::warn!(name, %prefix, "there are no keys below the prefix: all values are defaults");
        }
        tracing::info!(name, %prefix, revision, keys, "configuration loaded");
        Ok(Self { first, publisher, watcher, origin, cache, debounce, twin })
    }

    /// What the keys are now.
    pub(crate) fn listing(&self) -> Listing {
        self.publisher.listing(self.watcher.cluster(), self.first.revision)
    }
}

/// What came of waiting for the store.
enum First {
    Listing(Arc<Listing>),
    /// No answer; the watcher's last state.
    Silence(Option<watcher::State>),
}

/// Waits for the first authoritative read: through outages within the limit, but not for what will
/// not get better by waiting.
async fn first_listing<T: EtcdConfig>(
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

/// The last error, unless the store can name more endpoints: the limit may pass while some are asked.
fn silence(limit: Duration, twin: &Twin, state: Option<&watcher::State>, cache: Option<String>) -> Error {
    let last = state.and_then(watcher::State::error).cloned();
    let named = last.as_ref().map_or(0, |last| last.failures().len());
    let outage = twin.store().outage().filter(|outage| outage.failures().len() > named);
    Error::startup_timeout(limit, outage.or(last), cache)
}

/// The first snapshot from the cache file, or why it does not help.
async fn from_cache<T: EtcdConfig>(
    cache: &Arc<Cache>,
    context: Context,
    watcher: &mut Watcher,
) -> Result<(Publisher<T>, Snapshot<T>, CacheFile), String> {
    let path = cache.path().display().to_string();
    let reader = Arc::clone(cache);
    let read = spawn_blocking(move || reader.read()).await.unwrap_or_else(|error| Err(error.to_string()));
    let Image { listing, written_at, withheld, .. } = read.map_err(|why| {
        tracing::warn!(path, "the cache file is of no use: {why}");
        format!("the cache file {path} is of no use: {why}")
    })?;
    let listing = Arc::new(listing);
    let prefix = context.prefix().clone();
    let (mut publisher, first) = Publisher::new(context, &listing).map_err(|report| {
        let why = refusal(&path, &report, &withheld);
        tracing::warn!("{why}");
        why
    })?;
    publisher.is_from_cache();
    let (name, revision) = (T::LAYOUT.name, listing.revision);
    watcher.assume(listing);
    tracing::warn!(name, %prefix, path, revision, "etcd does not answer: configuration loaded from the cache");
    let saved_at = Some(written_at);
    Ok((publisher, first, CacheFile { saved_at, revision: Some(revision), ..cache.unsaved() }))
}

/// Why what was cached does not make a configuration.
fn refusal(path: &str, report: &Report, withheld: &[bytes::Bytes]) -> String {
    let is_withheld = |key: &str| withheld.iter().any(|other| *other == key.as_bytes());
    let missing = report.problems().iter().filter(|problem| problem.kind() == problem::Kind::Missing);
    let secrets: Vec<&str> = missing.map(problem::Problem::key).filter(|key| is_withheld(key)).collect();
    if secrets.is_empty() {
        return format!("the cache file {path} is of no use: {report}");
    }
    format!(
        "the cache file {path} is of no use alone: secrets are not kept in it, and {} required; call \
         .cache_secrets(true) to have them kept, or see that etcd answers",
        match secrets.as_slice() {
            [one] => format!("{one} is"),
            several => format!("{} are", several.join(", ")),
        }
    )
}
