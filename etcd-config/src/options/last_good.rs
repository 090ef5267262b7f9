//! The search of the store's past for a state to start from: the network on its runtime, the user's code on the caller's.

use std::sync::Arc;

use etcd_client_core::{Listing, Prefix, Printable};

use crate::error::Error;
use crate::live::last_good::Search;
use crate::publish::any_config::AnyConfig;
use crate::reading::in_background;
use crate::runtime::caller::Caller;
use crate::runtime::connections::OwnConnections;

/// A state, or why there is none.
pub(super) type Past = Result<Listing, String>;

/// Searches for blocking code.
pub(super) fn found_blocking(
    config: &dyn AnyConfig,
    mut search: Search,
    (connections, prefix): (Arc<OwnConnections>, Prefix),
    caller: &Caller,
) -> Result<Past, Error> {
    loop {
        let connections = Arc::clone(&connections);
        let fetch = async move {
            let fetched = search.fetch(&*connections.store()).await;
            (search, fetched)
        };
        let ((searched, fetched), _background) = in_background(fetch)?;
        search = searched;
        match fetched {
            Err(error) => return Ok(Err(unreadable(&error))),
            Ok(None) => return Ok(Err(search.outcome())),
            Ok(Some(stretch)) => {
                if let Some(good) = caller.decode(|| stretch.newest_good(config, &search, &prefix)) {
                    return Ok(Ok(good));
                }
            }
        }
    }
}

/// The same in a tokio runtime.
pub(super) async fn found(
    config: &'static dyn AnyConfig,
    mut search: Search,
    (connections, prefix): (Arc<OwnConnections>, Prefix),
    caller: &Caller,
) -> Result<Past, Error> {
    loop {
        match search.fetch(&*connections.store()).await {
            Err(error) => return Ok(Err(unreadable(&error))),
            Ok(None) => return Ok(Err(search.outcome())),
            Ok(Some(stretch)) => {
                let (caller, prefix) = (caller.clone(), prefix.clone());
                let look = move || {
                    let good = caller.decode(|| stretch.newest_good(config, &search, &prefix));
                    (search, good)
                };
                let (searched, good) = super::elsewhere(look).await?;
                search = searched;
                if let Some(good) = good {
                    return Ok(Ok(good));
                }
            }
        }
    }
}

fn unreadable(error: &etcd_client_core::Error) -> String {
    let error = error.to_string();
    format!(
        "no earlier state that could be started from: etcd's past cannot be read: {}",
        Printable::line(&error)
    )
}
