//! Opening a feed.

use std::sync::Arc;

use tokio::time::Instant;

use crate::v2::net::endpoint_client::EndpointClient;
use crate::v2::net::failure::Failure;
use crate::v2::net::pool::Pool;
use crate::v2::watch::feed::{Feed, Stage};
use crate::v2::watch::leader_probe;
use crate::v2::watch::leader_probe::LeaderProbe;
use crate::v2::watch::long_poll::{LongPoll, Target};
use crate::v2::watch::renewal_rate::RenewalRate;
use crate::v2::wire::request::Resend;
use crate::{Error, Kind};

impl Feed {
    /// Opens a feed after an index, or from now on, at the first endpoint that can do it. Resolves
    /// when the server has registered it.
    ///
    /// If the store has not come to the index, its history was replaced: [`Kind::FutureRevision`].
    pub(in crate::v2) async fn open(
        pool: &Arc<Pool>,
        target: &Target,
        after: Option<u64>,
    ) -> Result<Self, Error> {
        pool.once(|endpoint| Self::resume(pool.clone(), endpoint, target.clone(), after)).await
    }

    /// As [`open`](Self::open), with further rounds over the endpoints, as [`open_ahead`](Self::open_ahead).
    pub(in crate::v2) async fn reopen(
        pool: &Arc<Pool>,
        target: &Target,
        after: u64,
        retries: u32,
    ) -> Result<Self, Error> {
        let resume =
            |endpoint: Arc<EndpointClient>| Self::resume(pool.clone(), endpoint, target.clone(), Some(after));
        pool.rounds(Resend::Freely, retries, resume).await
    }

    /// As [`open`](Self::open), but only at a member that has a leader; the feed ends when the member loses it.
    pub(in crate::v2) async fn open_with_leader_probe(
        pool: &Arc<Pool>,
        target: &Target,
        after: Option<u64>,
    ) -> Result<Self, Error> {
        let open_at = |endpoint: Arc<EndpointClient>| async move {
            let feed = Self::resume(pool.clone(), endpoint.clone(), target.clone(), after);
            let (mut feed, ()) = tokio::try_join!(feed, leader_probe::knows_leader(pool, &endpoint))?;
            feed.probe = Some(LeaderProbe::over(pool.clone(), endpoint));
            feed.lists_if_compacted = true;
            Ok(feed)
        };
        pool.once(open_at).await
    }

    /// As [`open`](Self::open), but the index may lie in the future, and `retries` further rounds over the
    /// endpoints are made while the members seem to be electing a leader, as for any other call.
    pub(in crate::v2) async fn open_ahead(
        pool: &Arc<Pool>,
        target: &Target,
        after: Option<u64>,
        retries: u32,
    ) -> Result<Self, Error> {
        let begin =
            |endpoint: Arc<EndpointClient>| Self::begin(pool.clone(), endpoint, target.clone(), after);
        pool.rounds(Resend::Freely, retries, begin).await
    }

    async fn begin(
        pool: Arc<Pool>,
        endpoint: Arc<EndpointClient>,
        target: Target,
        after: Option<u64>,
    ) -> Result<Self, Failure> {
        let from = after.map(|after| after.saturating_add(1));
        let first = LongPoll::open(&pool, &endpoint, &target, from).await?;
        let after = after.unwrap_or(first.index);
        let rate = RenewalRate::new(first.index);
        Ok(Self {
            pool,
            endpoint,
            target,
            headers: first.headers.clone(),
            head: first.index,
            next: after.saturating_add(1),
            progress: after.min(first.index),
            silent_up_to: 0,
            caught_up: Instant::now(),
            replayed: 0,
            generation: first.generation,
            stage: Stage::open(first, &rate),
            rate,
            unproven: None,
            previous: None,
            progress_wanted: false,
            answer_at: None,
            younger: None,
            probe: None,
            lists_if_compacted: false,
        })
    }

    async fn resume(
        pool: Arc<Pool>,
        endpoint: Arc<EndpointClient>,
        target: Target,
        after: Option<u64>,
    ) -> Result<Self, Failure> {
        let mut feed = Self::begin(pool, endpoint, target, after).await?;
        let after = feed.position();
        if feed.head < after {
            feed.head = leader_probe::agreed_index(&feed.pool, &feed.endpoint, &feed.target).await?;
            feed.progress = after;
        }
        if feed.head < after {
            let message = format!(
                "{}: the store is at index {}, before {after}, which was seen earlier: its history was replaced",
                feed.endpoint.name(),
                feed.head
            );
            return Err(Failure::of_input(Error::new(Kind::FutureRevision, message)));
        }
        Ok(feed)
    }
}
