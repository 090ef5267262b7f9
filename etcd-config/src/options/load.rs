//! The calls that read a configuration: once, or to watch it from then on.

use std::future::Future;
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use etcd_client_core::{Listing, Store};

use super::into_store::IntoStore;
use super::on_thread::{on_thread, panicked};
use super::{Options, last_good};
use crate::cache::Cache;
use crate::decode::Derived;
use crate::error::Error;
use crate::live::Live;
use crate::live::first_load::{Fields, FirstAnswer, FirstLoad, LoadedFrom, WatchPlan};
use crate::publish::any_config::{AnyConfig, config_of};
use crate::runtime::background::Background;
use crate::runtime::caller::{Caller, refuse_to_block, runtime};
use crate::runtime::panics;

/// How much longer than its limit a start may take before the blocking caller gives up: it is used up only if the
/// thread that reads the network is held up, as on a machine that stalls.
const GRACE: Duration = Duration::from_secs(3);
/// More keys are not decoded on a runtime of the caller's, where other tasks wait.
const FEW: usize = 512;

impl<T: Derived> Options<T> {
    /// Reads the first snapshot, and keeps it current from a thread in the background, which all
    /// configurations of the process share. Blocks until the snapshot is there; works in a plain
    /// `main` and inside a runtime, whose thread it blocks too: in async code use
    /// [`watch_async`](Self::watch_async).
    ///
    /// Decoding and the checks of the first snapshot run on the calling thread.
    ///
    /// # Errors
    /// Everything that is wrong with the keys, at once (a check of a struct runs when all its fields are good); or why the
    /// store cannot be read; or that it did not answer within the limit, with each endpoint's cause:
    /// - [`Error::is_invalid`]: [`Error::problems`] are all keys that are missing, do not decode or are refused.
    /// - [`Error::is_timeout`]: no answer within the [`startup_timeout`](Self::startup_timeout), and no
    ///   [cache file](Self::cache_file) that is of use.
    /// - [`Error::is_access`]: the store rejects the credentials, or does not let the user read the prefix. Not
    ///   tried again.
    /// - [`Error::is_invalid_option`]: no prefix, a placeholder without a value, an interval of zero; or this is
    ///   called in decoding or in a check, which updates wait for.
    /// - An endpoint that cannot be one is an [`Error::store`] of the kind
    ///   [`InvalidInput`](crate::client::Kind::InvalidInput).
    pub fn watch(self, store: impl IntoStore) -> Result<Live<T>, Error> {
        let (loaded, background) = self.load_in_background(store)?;
        let runtime = background.runtime().clone();
        Live::start(loaded, Caller::here(), &runtime, Some(background))
    }

    /// The same for callers in a tokio runtime, on which it is then kept current; the runtime needs
    /// time and, for a store on the network, I/O enabled.
    ///
    /// The watch is a task of that runtime: while the runtime is blocked, no update comes, and when it is shut down,
    /// the watch ends ([`State::Stopped`](crate::State::Stopped)). [`watch`](Self::watch) depends on no runtime. In a
    /// service with `#[tokio::main]` this one is the right one, unless its handlers may block the runtime; that program
    /// calls `watch` before it starts the runtime.
    ///
    /// The prefix and the store are made when this is called, not when it is awaited. Cancel safe: dropping the
    /// future gives the start up.
    ///
    /// # Errors
    /// As [`watch`](Self::watch), and that there is no runtime ([`Error::is_invalid_option`]), or one that lacks
    /// these.
    pub fn watch_async(
        self,
        store: impl IntoStore,
    ) -> impl Future<Output = Result<Live<T>, Error>> + Send + 'static {
        let prepared = self.prepare(store);
        async move {
            let (store, plan) = prepared?;
            let runtime = runtime()?;
            let loaded = load(&store, plan, Fields::of::<T>(), config_of::<T>()).await?;
            Live::start(loaded, Caller::here(), &runtime, None)
        }
    }

    /// Reads the configuration once, without watching it: for a command that ends soon. Blocks like
    /// [`watch`](Self::watch).
    ///
    /// A [cache file](Self::cache_file) is read and written as by `watch`; it is written before this returns.
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn load_once(self, store: impl IntoStore) -> Result<T, Error> {
        let (loaded, _background) = self.load_in_background(store)?;
        if let Some((cache, listing)) = to_be_cached(&loaded)
            && let Err(why) = cache.write(listing, SystemTime::now(), 1)
        {
            cache.warn_not_kept(&why);
        }
        loaded.into_value()
    }

    /// The same for callers in a tokio runtime. Cancel safe, as [`watch_async`](Self::watch_async) is.
    ///
    /// # Errors
    /// As [`watch_async`](Self::watch_async).
    pub fn load_once_async(
        self,
        store: impl IntoStore,
    ) -> impl Future<Output = Result<T, Error>> + Send + 'static {
        let prepared = self.prepare(store);
        async move {
            let (store, plan) = prepared?;
            runtime()?;
            let loaded = load(&store, plan, Fields::of::<T>(), config_of::<T>()).await?;
            if let Some((cache, listing)) = to_be_cached(&loaded) {
                let writer = Arc::clone(&cache);
                let written = on_thread(move || writer.write(listing, SystemTime::now(), 1)).await;
                if let Err(why) = written.unwrap_or_else(|error| Err(error.to_string())) {
                    cache.warn_not_kept(&why);
                }
            }
            loaded.into_value()
        }
    }

    fn load_in_background(self, store: impl IntoStore) -> Result<(FirstLoad, Arc<Background>), Error> {
        refuse_to_block()?;
        let (store, plan) = self.prepare(store)?;
        load_in_background(store, plan, Fields::of::<T>(), config_of::<T>())
    }
}

/// Has the store asked from the thread in the background, and decodes here what it answers.
fn load_in_background(
    store: Arc<dyn Store>,
    plan: WatchPlan,
    fields: Fields,
    config: &'static dyn AnyConfig,
) -> Result<(FirstLoad, Arc<Background>), Error> {
    let (mut answer, background) = ask_in_background(store, plan, fields)?;
    // The user's code runs where it was asked for: it delays no other configuration here.
    let caller = Caller::here();
    if let Some(past) = answer.past(config, &caller) {
        let past = last_good::found_blocking(config, past, answer.place(), &caller)?;
        answer = answer.with_past(past);
    }
    Ok((answer.decode(config, &caller)?, background))
}

/// Has the store asked from the thread in the background.
fn ask_in_background(
    store: Arc<dyn Store>,
    plan: WatchPlan,
    fields: Fields,
) -> Result<(FirstAnswer, Arc<Background>), Error> {
    let background = Background::shared().map_err(|error| Error::io("no thread to watch from", error))?;
    let limit = plan.startup_timeout;
    let (sender, receiver) = mpsc::sync_channel(1);
    background.runtime().spawn(async move {
        let answer = panics::caught_in(FirstAnswer::new(&store, plan, fields)).await;
        // An error means that the caller has given up.
        let _ = sender.send(answer.unwrap_or_else(|panic| Err(panicked(&panic))));
    });
    let answer = receiver.recv_timeout(limit.saturating_add(GRACE)).map_err(|error| match error {
        mpsc::RecvTimeoutError::Disconnected => {
            Error::stopped("the thread that reads the configuration has ended before it was read")
        }
        mpsc::RecvTimeoutError::Timeout => {
            let why = "the thread that reads the network has not come to it: something keeps it busy";
            Error::startup_timeout(limit, None, Some(why.to_owned()))
        }
    })??;
    Ok((answer, background))
}

/// Reads the first snapshot for a task; many keys are decoded on a thread of their own.
async fn load(
    store: &Arc<dyn Store>,
    plan: WatchPlan,
    fields: Fields,
    config: &'static dyn AnyConfig,
) -> Result<FirstLoad, Error> {
    // A runtime that lacks a clock or sockets panics.
    let answer = panics::caught_in(FirstAnswer::new(store, plan, fields)).await;
    let mut answer = answer.map_err(|panic| panicked(&panic))??;
    let caller = Caller::here();
    if answer.wants_last_good() {
        let decoding = caller.clone();
        let (whole, past) = on_thread(move || {
            let past = answer.past(config, &decoding);
            (answer, past)
        })
        .await?;
        answer = whole;
        if let Some(past) = past {
            let past = last_good::found(config, past, answer.place(), &caller).await?;
            answer = answer.with_past(past);
        }
    }
    if answer.keys().is_some_and(|keys| keys <= FEW) {
        return answer.decode(config, &caller);
    }
    on_thread(move || answer.decode(config, &caller)).await?
}

/// What was read once is cached before the call returns: the process may end with it.
fn to_be_cached(loaded: &FirstLoad) -> Option<(Arc<Cache>, Listing)> {
    let cache = loaded.cache.clone().filter(|_| matches!(loaded.loaded_from, LoadedFrom::Etcd))?;
    Some((cache, loaded.listing()))
}
