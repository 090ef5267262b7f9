//! Going back through the store's past: the network on its runtime, the user's code on the caller's.

use std::sync::Arc;

use super::on_thread::on_thread;
use crate::error::Error;
use crate::past::{Past, Stretch};
use crate::reading::in_background;
use crate::runtime::caller::Caller;
use crate::runtime::connections::OwnConnections;

/// What has been found, how far it went, and whether the past could be read.
pub(super) type Found<S> = (Past, S, Result<(), etcd_client_core::Error>);

/// Has each stretch looked at, from the newest on, until `look` says that it is enough.
pub(super) fn back_blocking<S>(
    mut past: Past,
    mut found: S,
    connections: &Arc<OwnConnections>,
    caller: &Caller,
    look: fn(&mut S, Stretch, &Past) -> bool,
) -> Result<Found<S>, Error> {
    loop {
        let connections = Arc::clone(connections);
        let fetch = async move {
            let fetched = past.fetch(&*connections.store()).await;
            (past, fetched)
        };
        let ((went, fetched), _background) = in_background(fetch)?;
        past = went;
        match fetched {
            Err(error) => return Ok((past, found, Err(error))),
            Ok(None) => return Ok((past, found, Ok(()))),
            Ok(Some(stretch)) => {
                if caller.decode(|| look(&mut found, stretch, &past)) {
                    return Ok((past, found, Ok(())));
                }
            }
        }
    }
}

/// The same in a tokio runtime.
pub(super) async fn back<S: Send + 'static>(
    mut past: Past,
    mut found: S,
    connections: &Arc<OwnConnections>,
    caller: &Caller,
    look: fn(&mut S, Stretch, &Past) -> bool,
) -> Result<Found<S>, Error> {
    loop {
        match past.fetch(&*connections.store()).await {
            Err(error) => return Ok((past, found, Err(error))),
            Ok(None) => return Ok((past, found, Ok(()))),
            Ok(Some(stretch)) => {
                let caller = caller.clone();
                let look = move || {
                    let is_enough = caller.decode(|| look(&mut found, stretch, &past));
                    (past, found, is_enough)
                };
                let is_enough;
                (past, found, is_enough) = on_thread(look).await?;
                if is_enough {
                    return Ok((past, found, Ok(())));
                }
            }
        }
    }
}
