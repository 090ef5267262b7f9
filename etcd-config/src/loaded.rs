//! A configuration that has been read, and is not followed yet.

use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::watcher::{self, Event, Watcher};
use etcd_client_core::{Kind, Listing, Prefix, Store};
use tokio::runtime::Handle;
use tokio::time::timeout;

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
}

/// The first snapshot, and all that is needed to go on from it.
pub(crate) struct Loaded<T> {
    pub(crate) first: Snapshot<T>,
    pub(crate) publisher: Publisher<T>,
    pub(crate) watcher: Watcher,
    pub(crate) debounce: Duration,
    /// Keeps the connections open that the watcher uses, for others to share.
    pub(crate) twin: Arc<Twin>,
}

impl<T: EtcdConfig> Loaded<T> {
    /// Reads the first snapshot, on the runtime on which it is to be followed.
    pub(crate) async fn new(store: &Arc<dyn Store>, plan: Plan) -> Result<Self, Error> {
        let Plan { prefix, startup_timeout, debounce, watcher } = plan;
        let twin = Twin::of(store, Handle::current().id());
        let mut watcher = Watcher::new(twin.store(), prefix.clone(), watcher);
        let listing = first_listing(&mut watcher, startup_timeout).await?;
        let (publisher, first) = Publisher::new(Context::new::<T>(prefix.clone()), &listing)?;
        let (name, revision, keys) = (T::LAYOUT.name, listing.revision, listing.entries.len());
        tracing::info!(name, %prefix, revision, keys, "configuration loaded");
        Ok(Self { first, publisher, watcher, debounce, twin })
    }
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
