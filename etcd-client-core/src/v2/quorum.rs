//! What a member knows of its cluster. One that has lost its leader goes on answering polls, and
//! would be taken for one to which nothing happens; one that lags answers with an old index.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::failure::Failure;
use super::peer::Peer;
use super::poll::Target;
use super::pool::Pool;
use super::refusal::Refusal;
use super::request::Request;
use crate::Kind;

/// How often a member is asked that has no leader, before it is left: an election is no reason.
const TIMES: usize = 4;
const PAUSE: Duration = Duration::from_secs(1);
/// How long an answer may take, which each member has at hand.
const LIMIT: Duration = Duration::from_secs(1);

/// Fails where the member says that it has no leader. One that does not know the question, or does
/// not answer it, is not in doubt: silence is noticed elsewhere.
pub(super) async fn knows_leader(pool: &Pool, peer: &Peer) -> Result<(), Failure> {
    let request = Request::get("/v2/members/leader", &[]).map_err(Failure::of_input)?;
    match timeout(LIMIT, pool.ask(peer, &request)).await {
        Ok(Err(failure)) if failure.error.kind() == Kind::NoLeader => Err(failure),
        _ => Ok(()),
    }
}

/// The same, with the patience that an election needs.
pub(super) async fn knows_leader_soon(pool: Arc<Pool>, peer: Arc<Peer>) -> Result<(), Failure> {
    let mut answer = knows_leader(&pool, &peer).await;
    for _ in 1..TIMES {
        if answer.is_ok() {
            break;
        }
        sleep(PAUSE).await;
        answer = knows_leader(&pool, &peer).await;
    }
    answer
}

/// The index that the majority is at. A member that lags behind has caught up when it answers.
pub(super) async fn agreed_index(pool: &Pool, peer: &Peer, target: &Target) -> Result<u64, Failure> {
    let request = target.probe().map_err(Failure::of_input)?;
    match pool.ask(peer, &request).await {
        Ok(reply) => Ok(reply.headers.etcd_index().unwrap_or_default()),
        Err(failure) => match Refusal::of(&failure.error).and_then(Refusal::index) {
            Some(index) => Ok(index),
            None => Err(failure),
        },
    }
}
