//! The HTTP client that both protocols use, and what its errors and answers say.

use std::error::Error as StdError;
use std::time::Duration;

use crate::transport::addresses::Addresses;
use crate::transport::endpoint::Endpoint;
use crate::transport::greeting::speaks_tls;
use crate::transport::proxy::Proxy;
use crate::transport::tls;
use crate::transport::tls::Tls;
use crate::{Error, Kind};

/// What is spoken above the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1, for the v2 API.
    Http1,
    /// HTTP/2 from the first byte, for gRPC.
    Http2,
}

/// How connections are made.
#[derive(Clone, Debug)]
pub(crate) struct HttpOptions {
    /// For TCP and TLS together.
    pub(crate) connect_timeout: Duration,
    pub(crate) tls: Option<Tls>,
    pub(crate) proxy: Option<Proxy>,
    /// After how long without a byte an HTTP/2 connection with a call or a watch on it is pinged.
    pub(crate) ping_after: Duration,
}

/// etcd closes a connection that is pinged more often than every 5 s.
pub(crate) const PING_AFTER: Duration = Duration::from_secs(10);
/// Where who watches asks for signs of life anyway: each look at the clock wakes a thread that is idle otherwise.
pub(crate) const PING_SELDOM_AFTER: Duration = Duration::from_secs(120);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Fixed and large. The adaptive window of hyper would ping for each estimate, which etcd
/// answers with `too_many_pings`.
const STREAM_WINDOW: u32 = 8 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;

/// In bytes; etcd's is shorter.
const LONGEST_VERSION: usize = 4 << 10;

/// The innermost error says what happened; the others say that it happened to them.
pub(crate) fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let of_tls = causes(error).find_map(tls::describe);
    let cause = of_tls.or_else(|| causes(error).last().map(ToString::to_string)).unwrap_or_default();
    if cause.starts_with("Too many open files") {
        return format!("{cause}: this process has as many as it may have (ulimit -n)");
    }
    cause
}

/// An error, and what it comes from.
pub(crate) fn causes<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn no_client(error: reqwest::Error) -> Error {
    Error::new(Kind::InvalidInput, "cannot set up HTTP").with_source(error)
}

/// Whether a server has shown a certificate that was not accepted, or wants one.
fn is_a_certificates(error: &reqwest::Error) -> bool {
    let cause = root_cause(error);
    cause.contains("certificate") || cause.contains("CertificateRequired")
}

/// The version in what a server answers to `GET /version`, which needs no permission.
pub(crate) async fn version_of(mut answer: reqwest::Response) -> Option<String> {
    let mut whole = Vec::new();
    while let Some(piece) = answer.chunk().await.ok()? {
        whole.extend_from_slice(&piece);
        if whole.len() > LONGEST_VERSION {
            return None;
        }
    }
    let version: serde_json::Value = serde_json::from_slice(&whole).ok()?;
    Some(version["etcdserver"].as_str()?.to_owned())
}

impl HttpOptions {
    /// A client with no connection yet; certificates are read from their files now. Over HTTP/1.1 its
    /// connections are kept, and there may be as many as there are requests and watches.
    pub(crate) fn client(&self, protocol: Protocol, secure: bool) -> Result<reqwest::Client, Error> {
        self.builder(protocol, secure)?.build().map_err(no_client)
    }

    /// The same, for connections of this generation to a name with several addresses.
    pub(crate) fn client_of_generation(
        &self,
        protocol: Protocol,
        secure: bool,
        addresses: &Addresses,
        generation: u64,
    ) -> Result<reqwest::Client, Error> {
        let builder = self.builder(protocol, secure)?.dns_resolver(addresses.resolver(generation));
        builder.build().map_err(no_client)
    }

    /// Makes ready what would take long in [`client`](Self::client), off the thread that reads the network.
    pub(crate) async fn prepare(&self, secure: bool) {
        if let Some(tls) = self.tls.as_ref().filter(|_| secure) {
            tls.unlock().await;
        }
    }

    /// Whether a server that has hung up on a request without TLS did so because it speaks TLS.
    pub(crate) async fn is_for_want_of_tls(&self, endpoint: &Endpoint, limit: Duration) -> bool {
        let Ok(mut secure) = endpoint.url("/version") else { return false };
        if endpoint.is_secure() || secure.set_scheme("https").is_err() {
            return false;
        }
        if self.proxy.is_none() {
            return speaks_tls(endpoint.authority(), limit).await;
        }
        // Nobody's certificate is trusted: there are no TLS options beside such an endpoint, and the system's
        // verifier would log an error for each try, for a certificate that was not asked for.
        let Ok(client) = self.client(Protocol::Http1, false) else { return false };
        let answer = client.get(secure).timeout(limit).send().await;
        answer.map_or_else(|error| is_a_certificates(&error), |_| true)
    }

    fn builder(&self, protocol: Protocol, secure: bool) -> Result<reqwest::ClientBuilder, Error> {
        let alpn: &[&[u8]] = match protocol {
            Protocol::Http1 => &[b"http/1.1"],
            Protocol::Http2 => &[b"h2"],
        };
        let builder = tls::configure(reqwest::Client::builder(), self.tls.as_ref(), secure, alpn)?;
        let builder = builder
            .user_agent(concat!("etcd-client-core/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect_timeout)
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy();
        let builder = match &self.proxy {
            Some(proxy) => proxy.configure(builder),
            None => builder,
        };
        Ok(match protocol {
            Protocol::Http1 => builder.http1_only(),
            // Only while a call or a watch is open: etcd counts pings on an idle connection as abuse.
            Protocol::Http2 => builder
                .http2_prior_knowledge()
                .http2_keep_alive_interval(self.ping_after)
                .http2_keep_alive_timeout(PING_TIMEOUT)
                .http2_initial_stream_window_size(STREAM_WINDOW)
                .http2_initial_connection_window_size(CONNECTION_WINDOW),
        })
    }
}
