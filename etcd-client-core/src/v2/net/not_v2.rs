//! What an endpoint is that does not answer as the v2 API does: an etcd without it, a port for gRPC, another server.

use std::time::Duration;

use crate::printable::Printable;
use crate::transport::http::{Protocol, version_of};
use crate::transport::not_etcd::{DetectedProtocol, LONGEST_VERSION, NOT_FOUND, peer_port};
use crate::transport::settings::ClientOptions;
use crate::v2::net::endpoint_client::EndpointClient;
use crate::v2::net::failure::Failure;
use crate::v2::net::refusal::Refusal;
use crate::v2::wire::request::Request;
use crate::{Error, Kind};

impl EndpointClient {
    /// Completes a refusal by what the request says, or by what the server is. Servers without the v2 API know
    /// no such path: that is no missing key.
    pub(super) async fn refuse(
        &self,
        refusal: Refusal,
        request: &Request,
        options: &ClientOptions,
    ) -> Failure {
        if let Some(comparison) = refusal.comparison(request) {
            return refusal.in_words(comparison).into_failure();
        }
        if !refusal.is_not_etcds() || !request.path_and_query.starts_with("/v2/") {
            return refusal.into_failure();
        }
        let is_not_found = refusal.status() == 404 && refusal.body().trim() == NOT_FOUND;
        if is_not_found && let Some(version) = self.version(options).await {
            let message =
                if self.has_members(options).await { peer_port(&version) } else { without_v2(&version) };
            let error = Error::new(Kind::InvalidRequest, message.clone());
            return Failure::of_endpoint(error.with_source(refusal.in_words(message)));
        }
        let message = format!("{refusal}; {}", refusal.whose());
        refusal.in_words(message).into_failure()
    }

    /// Says what answers instead of etcd, if it does not speak HTTP/1.1.
    pub(super) async fn identify(&self, failure: Failure, options: &ClientOptions) -> Failure {
        if self.has_answered() {
            return failure;
        }
        let detected =
            DetectedProtocol::detect(self.endpoint(), self.http(), Protocol::Http1, options.timeout).await;
        let Some(detected) = detected else { return failure };
        let only_grpc = || {
            "only gRPC is spoken on this port; HTTP, and the v2 API where there is one, are on \
             --listen-client-http-urls: write one of these, or use the v3 client"
                .to_owned()
        };
        let only_grpc = (detected == DetectedProtocol::Http2).then(only_grpc);
        let Some(message) = detected.complaint().or(only_grpc) else { return failure };
        // A server that hangs up may be about to be restarted.
        let hangs_up = detected == DetectedProtocol::HangsUp;
        let kind = if hangs_up { failure.error.kind() } else { Kind::Protocol };
        let election = failure.election && hangs_up;
        Failure { error: Error::new(kind, message).with_source(failure.error), election, ..failure }
    }

    /// What only the port for peers answers.
    async fn has_members(&self, options: &ClientOptions) -> bool {
        let Ok((client, _)) = self.client().await else { return false };
        let Ok(url) = self.endpoint().url("/members") else { return false };
        let answer = client.get(url).timeout(options.timeout).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Whether only TLS is spoken there, so that what was sent without it was not understood. One port may be
    /// for both.
    pub(super) async fn is_for_want_of_tls(&self) -> bool {
        let limit = self.http().connect_timeout;
        self.http().is_for_want_of_tls(self.endpoint(), limit).await && !self.may_speak_plainly(limit).await
    }

    async fn may_speak_plainly(&self, limit: Duration) -> bool {
        let Ok((client, _)) = self.client().await else { return true };
        let Ok(url) = self.endpoint().url("/version") else { return true };
        client.get(url).timeout(limit).send().await.map_or_else(|error| error.is_timeout(), |_| true)
    }

    /// What `GET /version` answers, which needs no permission.
    async fn version(&self, options: &ClientOptions) -> Option<String> {
        let (client, _) = self.client().await.ok()?;
        let request = client.get(self.endpoint().url("/version").ok()?).timeout(options.timeout);
        version_of(request.send().await.ok()?).await
    }
}

/// What to say of an etcd of this version, the server's own word, that has no v2 API.
fn without_v2(version: &str) -> String {
    let shown = Printable::line(version).at_most(LONGEST_VERSION);
    let mut numbers = version.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < (3, 6) => format!(
            "the v2 API is off on this server, etcd {shown}: start etcd with --enable-v2=true, or use the v3 client"
        ),
        _ => format!("the v2 API is gone since etcd 3.6, and this is etcd {shown}: use the v3 client"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_v2_api_is_gone_from_3_6_on_and_off_before() {
        for version in ["3.6.0-alpha.0", "3.6.16", "3.10.1", "4.0.0", "unknown"] {
            let expected =
                format!("the v2 API is gone since etcd 3.6, and this is etcd {version}: use the v3 client");
            assert_eq!(without_v2(version), expected);
        }
        for version in ["2.3.8", "3.3.27", "3.4.23", "3.5.1"] {
            let begin =
                format!("the v2 API is off on this server, etcd {version}: start etcd with --enable-v2=true");
            assert!(without_v2(version).starts_with(&begin), "{version}");
        }
    }
}
