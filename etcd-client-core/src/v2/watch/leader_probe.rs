//! Whether a member still belongs to its cluster. One that has lost its leader goes on holding long polls, as
//! if nothing were written; a lagging one answers with an old index.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::v2::net::endpoint_client::EndpointClient;
use crate::v2::net::failure::Failure;
use crate::v2::net::pool::Pool;
use crate::v2::net::refusal::Refusal;
use crate::v2::watch::long_poll::Target;
use crate::v2::wire::request::Request;
use crate::{BoxFuture, Kind};

/// How often a member is asked for its leader. It notices the loss after 1 to 2 s (`--election-timeout`), so
/// it is given up within 6 s.
const INTERVAL: Duration = Duration::from_secs(2);
/// How many times in a row a member must have no leader to be given up; an election is shorter.
const MAX_FAILURES: usize = 4;
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How long an answer may take. A member answers this without asking others.
const LIMIT: Duration = Duration::from_secs(1);

/// Asks a member for its leader at intervals, and is ready when it has been without one for longer than an
/// election takes.
pub(in crate::v2) struct LeaderProbe(BoxFuture<Failure>);

impl LeaderProbe {
    pub(in crate::v2) fn over(pool: Arc<Pool>, endpoint: Arc<EndpointClient>) -> Self {
        Self(Box::pin(async move {
            let mut failures = 0;
            loop {
                sleep(if failures == 0 { INTERVAL } else { RETRY_AFTER }).await;
                match knows_leader(&pool, &endpoint).await {
                    Ok(()) => failures = 0,
                    Err(failure) if failures + 1 == MAX_FAILURES => break failure,
                    Err(_) => failures += 1,
                }
            }
        }))
    }

    pub(in crate::v2) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Failure> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for LeaderProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaderProbe")
    }
}

/// Fails if the member says that it has no leader. No answer, or a server that does not have this path, is no
/// failure: a silent endpoint is noticed by the watch itself.
pub(in crate::v2) async fn knows_leader(pool: &Pool, endpoint: &EndpointClient) -> Result<(), Failure> {
    let request = Request::get("/v2/members/leader", &[]).map_err(Failure::of_input)?;
    match timeout(LIMIT, pool.ask(endpoint, &request)).await {
        Ok(Err(failure)) if failure.error.kind() == Kind::NoLeader => Err(failure),
        _ => Ok(()),
    }
}

/// The index that the cluster's majority is at, by a quorum read: a lagging member has caught up when it
/// answers.
pub(in crate::v2) async fn agreed_index(
    pool: &Pool,
    endpoint: &EndpointClient,
    target: &Target,
) -> Result<u64, Failure> {
    let request = target.probe().map_err(Failure::of_input)?;
    match pool.ask(endpoint, &request).await {
        Ok(reply) => reply.headers.etcd_index().ok_or_else(Failure::without_index),
        Err(failure) => match Refusal::of(&failure.error).and_then(Refusal::index) {
            Some(index) => Ok(index),
            None => Err(failure),
        },
    }
}
