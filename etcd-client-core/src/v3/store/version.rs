//! What must be known of a server's version.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::v3::net::connections::StreamSlot;
use crate::v3::net::endpoint_client::EndpointClient;
use crate::v3::net::pool::Pool;
use crate::v3::wire::messages::StatusRequest;

/// How long a question may wait for room on a stream's connection.
const ROOM_WITHIN: Duration = Duration::from_millis(500);
/// How long the answer may take then: the watch is confirmed, and waits for it.
const SAID_WITHIN: Duration = Duration::from_secs(2);

/// Whether an answer to a progress request proves that everything before it has been sent: so
/// since 3.4.25 and 3.5.8 (etcd-io/etcd#15220). Servers that do not tell count as early ones.
///
/// One endpoint may lead to several members, and of several versions: it is asked on the
/// stream's own connection, unless that has no room for a question, and what another member answers
/// does not count.
pub(in crate::v3) async fn has_exact_progress(
    pool: &Arc<Pool>,
    endpoint: &EndpointClient,
    slot: &StreamSlot,
    member: u64,
) -> bool {
    if let Some(known) = endpoint.exact_progress(member) {
        return known;
    }
    let Ok(Some(version)) = timeout(SAID_WITHIN, version(pool, endpoint, slot, member)).await else {
        return false;
    };
    let exact = is_exact(&version);
    endpoint.note_exact_progress(member, exact);
    exact
}

/// What the member says that it is.
async fn version(
    pool: &Arc<Pool>,
    endpoint: &EndpointClient,
    slot: &StreamSlot,
    member: u64,
) -> Option<String> {
    let question = StatusRequest {};
    let status = match timeout(ROOM_WITHIN, pool.call_on(endpoint, slot, &question)).await {
        Ok(status) => status,
        Err(_) => pool.call_on(endpoint, &pool.for_call(endpoint, false).await.ok()?, &question).await,
    };
    match status {
        Ok(status) if status.header.as_ref().is_some_and(|header| header.member_id == member) => {
            Some(status.version)
        }
        // Later servers keep their status to root, but tell their version to everyone over HTTP.
        Err(error) if error.is_access() => endpoint.version_over_http(pool.options().timeout).await,
        Ok(_) | Err(_) => None,
    }
}

fn is_exact(version: &str) -> bool {
    let mut numbers = version.split(['.', '-', '+']).map(|number| number.parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    match (next(), next(), next()) {
        (3, 4, patch) => patch >= 25,
        (3, 5, patch) => patch >= 8,
        (major, minor, _) => (major, minor) > (3, 5),
    }
}

#[cfg(test)]
mod tests {
    use super::is_exact;

    #[test]
    fn the_versions_that_tell_progress_too_early_are_known() {
        for version in ["3.3.27", "3.4.23", "3.4.24", "3.5.0", "3.5.7", "2.3.8", "", "strange"] {
            assert!(!is_exact(version), "{version}");
        }
        for version in ["3.4.25", "3.4.37", "3.5.8", "3.5.30", "3.6.0", "3.6.0-rc.1", "4.0.0"] {
            assert!(is_exact(version), "{version}");
        }
    }
}
