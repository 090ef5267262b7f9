//! Closes a connection for calls when there are none: a configuration that has been read needs only its watch.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::time::sleep;

use crate::v3::net::connections::{Connection, Connections};

/// How long a connection may be without a call, at the least; it is closed before twice that.
const IDLE: Duration = Duration::from_secs(5);

/// Closes the connection when it has had no call for a while. To be called in the runtime that it belongs to.
pub(in crate::v3) fn close_when_idle(connections: Weak<Mutex<Connections>>, connection: &Arc<Connection>) {
    let connection = Arc::downgrade(connection);
    tokio::spawn(async move {
        let mut seen = None;
        loop {
            sleep(IDLE).await;
            // Others have given it up.
            let (Some(connections), Some(connection)) = (connections.upgrade(), connection.upgrade()) else {
                return;
            };
            let calls = connection.slots_given();
            if seen.replace(calls) == Some(calls)
                && Connections::lock(&connections).close_idle(&connection, calls)
            {
                return;
            }
        }
    });
}
