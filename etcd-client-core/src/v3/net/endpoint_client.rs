//! A connection for a call or a stream to one endpoint.

use std::sync::Arc;

use crate::Error;
use crate::transport::endpoint_client;
use crate::transport::http::Protocol;
use crate::v3::net::connections::{Connection, OpenConnections, StreamSlot};
use crate::v3::net::idle_connection;

/// With an HTTP client for each connection.
pub(in crate::v3) type EndpointClient = endpoint_client::EndpointClient<OpenConnections>;

impl EndpointClient {
    /// A place for a call.
    pub(in crate::v3) async fn for_calls(&self) -> Result<StreamSlot, Error> {
        let (slot, _is_new) = self.place_for_calls().await?;
        Ok(slot)
    }

    /// The same of a client that is there to watch: a small question goes over a connection that watches, and one that is
    /// made for other calls is closed soon after the last of them.
    pub(in crate::v3) async fn for_rare_calls(&self, may_be_large: bool) -> Result<StreamSlot, Error> {
        if !may_be_large && let Some(slot) = self.connections().beside_streams() {
            return Ok(slot);
        }
        let turns = self.connections().of_protocol.turns.clone();
        let turn = turns.next().await;
        let (slot, is_new) = self.place_for_calls().await?;
        if is_new {
            idle_connection::close_when_idle(self.weak_connections(), slot.connection());
        }
        Ok(slot.in_turn(turn))
    }

    /// A place on a connection for calls, and whether that is a new one.
    async fn place_for_calls(&self) -> Result<(StreamSlot, bool), Error> {
        if self.connections().free_for_calls().is_none() {
            self.prepare().await;
        }
        let mut is_new = false;
        let slot = self.connections().for_calls(|generation| {
            is_new = true;
            self.connect(Protocol::Http2, generation)
        })?;
        Ok((slot, is_new))
    }

    /// A place for a stream, on any connection except the one that is `crowded`.
    pub(in crate::v3) async fn for_stream(
        &self,
        crowded: Option<&Arc<Connection>>,
    ) -> Result<StreamSlot, Error> {
        if self.connections().free_for_stream(crowded).is_none() {
            self.prepare().await;
        }
        self.connections().for_stream(crowded, |generation| self.connect(Protocol::Http2, generation))
    }

    /// Connections of this generation carry so many streams.
    pub(in crate::v3) fn learn_limit(&self, generation: u64, streams: usize) {
        tracing::debug!(endpoint = %self.name(), streams, "connections carry no more streams: opening further ones");
        self.connections().learn(generation, streams);
    }

    /// The address of the method with this path.
    pub(in crate::v3) fn method_url(&self, path: &'static str) -> Result<reqwest::Url, Error> {
        self.connections().of_protocol.urls.at(self.endpoint(), path)
    }

    pub(in crate::v3) fn exact_progress(&self, member: u64) -> Option<bool> {
        self.connections().of_protocol.exact_progress.get(&member).copied()
    }

    pub(in crate::v3) fn note_exact_progress(&self, member: u64, exact: bool) {
        self.connections().of_protocol.exact_progress.insert(member, exact);
    }
}
