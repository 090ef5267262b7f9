//! A configuration that has been read, and is not followed yet.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use etcd_client_core::watcher::{self, Event, Watcher};
use etcd_client_core::{Kind, Listing, Prefix, Store};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::cache::{CacheFile, Cached};
use crate::config::EtcdConfig;
use crate::decode::Context;
use crate::error::Error;
use crate::publisher::Publisher;
use crate::snapshot::Snapshot;
use crate::twin::Twin;

/// What to watch, and how.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) prefix: Prefix,
    pub(crate) startup_timeout: Duration,
    pub(crate) debounce: Duration,
    pub(crate) watcher: watcher::Options,
    pub(crate) cache: Option<CacheFile>,
}

/// The first snapshot, and all that is needed to go on from it.
pub(crate) struct Loaded<T> {
    pub(crate) first: Snapshot<T>,
    pub(crate) publisher: Publisher<T>,
    /// When the first snapshot was saved, where it comes from the cache.
    pub(crate) saved_at: Option<SystemTime>,
    pub(crate) watcher: Watcher,
    pub(crate) debounce: Duration,
    pub(crate) cache: Option<CacheFile>,
    /// Keeps the connections open that the watcher uses, for others to share.
    pub(crate) twin: Arc<Twin>,
}

impl<T: EtcdConfig> Loaded<T> {
    /// Reads the first snapshot, on the runtime on which it is to be followed.
    pub(crate) async fn new(store: &Arc<dyn Store>, plan: Plan) -> Result<Self, Error> {
        let Plan { prefix, startup_timeout, debounce, watcher, cache } = plan;
        let twin = Twin::of(store, Handle::current().id());
        let mut watcher = Watcher::new(twin.store(), prefix.clone(), watcher);
        let context = Context::new::<T>(prefix.clone());
        let (publisher, first, saved_at) = match first_listing(&mut watcher, startup_timeout).await {
            Ok(listing) => {
                let (publisher, first) = Publisher::new(context, &listing)?;
                let (name, revision, keys) = (T::LAYOUT.name, listing.revision, listing.entries.len());
                tracing::info!(name, %prefix, revision, keys, "configuration loaded");
                (publisher, first, None)
            }
            Err(error) => match cache.as_ref().filter(|_| error.is_timeout()) {
                Some(cache) => from_cache(context, cache, &error)?,
                None => return Err(error),
            },
        };
        Ok(Self { first, publisher, saved_at, watcher, debounce, cache, twin })
    }
}

type FromCache<T> = (Publisher<T>, Snapshot<T>, Option<SystemTime>);

/// Reads the first snapshot from the cache, because the store did not answer.
fn from_cache<T: EtcdConfig>(
    context: Context,
    cache: &CacheFile,
    error: &Error,
) -> Result<FromCache<T>, Error> {
    let (name, path, prefix) = (T::LAYOUT.name, cache.path.display(), context.prefix().clone());
    let unusable = |why: String| {
        tracing::warn!(name, %prefix, %path, "the cache file {why}");
        error.clone().without_cache(format!("the cache file {path} {why}"))
    };
    let Cached { listing, saved_at } = cache.load(&prefix).map_err(unusable)?;
    let secrets = if cache.with_secrets { "" } else { "; it holds no secrets" };
    let (publisher, first) = Publisher::new(context, &listing).map_err(|report| {
        unusable(format!("does not make a configuration{secrets}:\n  {report}").replace('\n', "\n  "))
    })?;
    let revision = listing.revision;
    let age = saved_at.elapsed().unwrap_or_default();
    tracing::warn!(name, %prefix, %path, revision, ?age, %error, "starting from the cache file");
    Ok((publisher, first, Some(saved_at)))
}

/// Waits for the first authoritative read: through outages within the limit, but not for what will
/// not get better by waiting.
async fn first_listing(watcher: &mut Watcher, limit: Duration) -> Result<Arc<Listing>, Error> {
    let mut last = None;
    let listed = timeout(limit, async {
        loop {
            match watcher.next().await {
                Event::Listed(listing) => return Ok(listing),
                Event::State(state) => {
                    let Some(error) = state.error() else { continue };
                    if is_final(error) {
                        return Err(Error::from(error.clone()));
                    }
                    last = Some(error.clone());
                }
                _ => {}
            }
        }
    });
    match listed.await {
        Ok(listed) => listed,
        Err(_) => Err(Error::startup_timeout(limit, last)),
    }
}

fn is_final(error: &etcd_client_core::Error) -> bool {
    error.is_access() || matches!(error.kind(), Kind::InvalidInput | Kind::InvalidRequest | Kind::TooLarge)
}
