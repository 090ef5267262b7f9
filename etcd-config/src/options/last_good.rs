//! The search of the store's past for a state to start from.

use std::sync::Arc;

use etcd_client_core::{Listing, Prefix, Printable};

use super::going_back::{back, back_blocking};
use crate::decode::Derived;
use crate::error::Error;
use crate::live::last_good::{newest_good, outcome};
use crate::past::{Past, Stretch};
use crate::runtime::caller::Caller;
use crate::runtime::connections::OwnConnections;

/// A state, or why there is none.
pub(super) type Found = Result<Listing, String>;

/// Searches for blocking code.
pub(super) fn found_blocking<T: Derived>(
    past: Past,
    (connections, prefix): (Arc<OwnConnections>, Prefix),
    caller: &Caller,
) -> Result<Found, Error> {
    let (past, (_, found), read) = back_blocking(past, (prefix, None), &connections, caller, look::<T>)?;
    Ok(in_words(found, &past, read))
}

/// The same in a tokio runtime.
pub(super) async fn found<T: Derived>(
    past: Past,
    (connections, prefix): (Arc<OwnConnections>, Prefix),
    caller: &Caller,
) -> Result<Found, Error> {
    let (past, (_, found), read) = back(past, (prefix, None), &connections, caller, look::<T>).await?;
    Ok(in_words(found, &past, read))
}

fn look<T: Derived>((prefix, found): &mut (Prefix, Option<Listing>), stretch: Stretch, past: &Past) -> bool {
    *found = newest_good::<T>(stretch, past, prefix);
    found.is_some()
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
