//! What a member knows of its cluster. One that has lost its leader goes on answering polls, and
//! would be taken for one to which nothing happens; one that lags answers with an old index.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::v2::net::endpoint_client::EndpointClient;
use crate::v2::net::failure::Failure;
use crate::v2::net::pool::Pool;
use crate::v2::net::refusal::Refusal;
use crate::v2::watch::poll::Target;
use crate::v2::wire::request::Request;
use crate::{BoxFuture, Kind};

/// How often a member is asked for its leader. It has lost it 1 to 2 s after its cluster
/// (`--election-timeout`), so that it is left within 6 s.
const EVERY: Duration = Duration::from_secs(2);
/// One that has no leader is asked so many times before it is left: an election is no reason.
const TIMES: usize = 4;
const PAUSE: Duration = Duration::from_millis(500);
/// How long an answer may take, which each member has at hand.
const LIMIT: Duration = Duration::from_secs(1);

/// Asks a member for its leader again and again, and is ready when it has lost it for longer than an
/// election takes.
pub(in crate::v2) struct LeaderProbe(BoxFuture<Failure>);

impl LeaderProbe {
    pub(in crate::v2) fn over(pool: Arc<Pool>, endpoint: Arc<EndpointClient>) -> Self {
        Self(Box::pin(async move {
            let mut without = 0;
            loop {
                sleep(if without == 0 { EVERY } else { PAUSE }).await;
                match knows_leader(&pool, &endpoint).await {
                    Ok(()) => without = 0,
                    Err(failure) if without + 1 == TIMES => break failure,
                    Err(_) => without += 1,
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

/// Fails where the member says that it has no leader. One that does not know the question, or does
/// not answer it, is not in doubt: silence is noticed elsewhere.
pub(in crate::v2) async fn knows_leader(pool: &Pool, endpoint: &EndpointClient) -> Result<(), Failure> {
    let request = Request::get("/v2/members/leader", &[]).map_err(Failure::of_input)?;
    match timeout(LIMIT, pool.ask(endpoint, &request)).await {
        Ok(Err(failure)) if failure.error.kind() == Kind::NoLeader => Err(failure),
        _ => Ok(()),
    }
}

/// The index that the majority is at. A member that lags behind has caught up when it answers.
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
