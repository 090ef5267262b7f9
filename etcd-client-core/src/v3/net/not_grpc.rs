//! What an endpoint is that does not speak gRPC: a web server, etcd's port for peers, redis.

use std::time::Duration;

use http::header::SERVER;

use crate::transport::http::{Protocol, version_of};
use crate::transport::not_etcd::{CLIENT_URLS, DetectedProtocol, LONGEST_VERSION, peer_port};
use crate::transport::record::Inspection;
use crate::transport::tls;
use crate::v3::net::endpoint_client::EndpointClient;
use crate::v3::net::grpc_channel::no_grpc;
use crate::{Error, Kind, Printable};

impl EndpointClient {
    /// What `GET /version` answers, which needs no permission.
    pub(in crate::v3) async fn version_over_http(&self, limit: Duration) -> Option<String> {
        version_of(self.get("/version", limit).await?).await
    }

    /// What is said to an HTTP/1.1 request, if it is something that etcd does not say, or that it is
    /// TLS that is spoken there.
    ///
    /// Where there is only a suspicion, that is asked now and then, not at each failure.
    pub(in crate::v3) async fn complaint_in_http1(&self, suspicion: bool, limit: Duration) -> Option<Error> {
        if suspicion && let Some(Inspection(complaint)) = self.record().inspected() {
            return complaint;
        }
        let _alone = match self.record().inspect_alone().await {
            Ok(guard) => guard,
            Err(Inspection(complaint)) => return complaint,
        };
        let complaint = match self.get("/version", limit).await {
            Some(answer) if answer.status().is_success() => {
                // An etcd that was about to answer in HTTP/2 answers this, too.
                let detected =
                    DetectedProtocol::detect(self.endpoint(), self.http(), Protocol::Http2, limit).await;
                let is_certain = detected.map_or(!suspicion, |detected| detected != DetectedProtocol::Http2);
                if is_certain { Some(self.without_grpc(answer, limit).await) } else { None }
            }
            Some(mut answer) => {
                let status = answer.status();
                let body = answer.chunk().await.ok().flatten().unwrap_or_default();
                Some(Error::new(Kind::Protocol, no_grpc(status, &body)))
            }
            None if self.http().is_for_want_of_tls(self.endpoint(), limit).await => {
                Some(Error::new(Kind::Unavailable, tls::WANTED))
            }
            None => self.in_its_own_words(limit).await,
        };
        self.record().note_inspection(Inspection(complaint.clone()));
        complaint
    }

    /// What speaks HTTP/1.1 only, and has answered so to `GET /version`.
    async fn without_grpc(&self, answer: reqwest::Response, limit: Duration) -> Error {
        let (status, headers) = (answer.status(), answer.headers().clone());
        let Some(version) = version_of(answer).await else {
            let server = headers.get(SERVER).and_then(|server| server.to_str().ok());
            let server = server.map(|server| format!(" ({})", Printable::line(server).at_most(60)));
            let server = server.unwrap_or_default();
            let message = format!("a web server answers, not etcd, HTTP {status}{server}: {CLIENT_URLS}");
            return Error::new(Kind::Protocol, message);
        };
        let is_of_peers =
            self.get("/members", limit).await.is_some_and(|answer| answer.status().is_success());
        let message = if is_of_peers {
            peer_port(&version)
        } else {
            let version = Printable::line(&version).at_most(LONGEST_VERSION);
            format!(
                "an etcd {version} answers, but speaks no gRPC on this port, which is one of its \
                 --listen-client-http-urls: {CLIENT_URLS}"
            )
        };
        Error::new(Kind::Protocol, message)
    }

    /// What speaks no HTTP at all.
    async fn in_its_own_words(&self, limit: Duration) -> Option<Error> {
        let detected = DetectedProtocol::detect(self.endpoint(), self.http(), Protocol::Http2, limit).await?;
        let kind = if detected == DetectedProtocol::HangsUp { Kind::Unavailable } else { Kind::Protocol };
        detected.complaint().map(|complaint| Error::new(kind, complaint))
    }

    async fn get(&self, path: &str, limit: Duration) -> Option<reqwest::Response> {
        self.prepare().await;
        let client = self.http().client(Protocol::Http1, self.endpoint().is_secure()).ok()?;
        client.get(self.endpoint().url(path).ok()?).timeout(limit).send().await.ok()
    }
}
