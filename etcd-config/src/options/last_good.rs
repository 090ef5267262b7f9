//! The search of the store's past for a state to start from.

use std::sync::Arc;

use etcd_client_core::{Listing, Prefix, Printable};

use super::going_back::{back, back_blocking};
use crate::error::Error;
use crate::live::last_good::{newest_good, outcome};
use crate::past::{Past, Stretch};
use crate::publish::any_config::AnyConfig;
use crate::runtime::caller::Caller;
use crate::runtime::connections::OwnConnections;

/// A state, or why there is none.
pub(super) type Found = Result<Listing, String>;

/// Searches for blocking code.
pub(super) fn found_blocking(
    config: &'static dyn AnyConfig,
    past: Past,
    (connections, prefix): (Arc<OwnConnections>, Prefix),
    caller: &Caller,
) -> Result<Found, Error> {
    let search = Search { config, prefix, found: None };
    let (past, search, read) = back_blocking(past, search, &connections, caller, look)?;
    Ok(in_words(search.found, &past, read))
}

/// The same in a tokio runtime.
pub(super) async fn found(
    config: &'static dyn AnyConfig,
    past: Past,
    (connections, prefix): (Arc<OwnConnections>, Prefix),
    caller: &Caller,
) -> Result<Found, Error> {
    let search = Search { config, prefix, found: None };
    let (past, search, read) = back(past, search, &connections, caller, look).await?;
    Ok(in_words(search.found, &past, read))
}

/// What is looked for.
struct Search {
    config: &'static dyn AnyConfig,
    prefix: Prefix,
    found: Option<Listing>,
}

fn look(search: &mut Search, stretch: Stretch, past: &Past) -> bool {
    search.found = newest_good(search.config, stretch, past, &search.prefix);
    search.found.is_some()
}

fn in_words(found: Option<Listing>, past: &Past, read: Result<(), etcd_client_core::Error>) -> Found {
    if let Some(good) = found {
        return Ok(good);
    }
    let Err(error) = read else { return Err(outcome(past)) };
    let error = error.to_string();
    let error = Printable::line(&error);
    Err(format!("no earlier state that could be started from: etcd's past cannot be read: {error}"))
}
