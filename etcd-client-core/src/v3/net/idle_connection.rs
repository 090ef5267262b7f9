//! A connection for calls that is closed when there are none: a configuration that has been read needs only its watch.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::time::sleep;

use crate::v3::net::connections::{Connection, Connections};

/// A call that follows sooner finds the connection open.
const IDLE: Duration = Duration::from_secs(5);

/// Closes the connection, which is for calls, after so long without one. To be called in the runtime that it
/// belongs to.
pub(in crate::v3) fn close_when_idle(connections: Weak<Mutex<Connections>>, connection: &Arc<Connection>) {
    let connection = Arc::downgrade(connection);
    tokio::spawn(async move {
        let mut seen = None;
        loop {
            sleep(IDLE).await;
            // Given up by others meanwhile.
            let (Some(connections), Some(connection)) = (connections.upgrade(), connection.upgrade()) else {
                return;
            };
            let calls = connection.slots();
            if seen.replace(calls) == Some(calls)
                && Connections::lock(&connections).close_idle(&connection, calls)
            {
                return;
            }
        }
    });
}
