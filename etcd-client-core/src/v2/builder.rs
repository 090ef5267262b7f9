//! The options of a client.

use std::time::Duration;

use super::client::Client;
use crate::transport::credentials::Credentials;
use crate::transport::endpoint::Endpoint;
use crate::transport::endpoints::Endpoints;
use crate::transport::environment::{self, Given};
use crate::transport::http::Protocol;
use crate::transport::settings::{ClientOptions, Settings, shared_options};
use crate::v2::net::pool::Pool;
use crate::{Error, Kind, Proxy};

/// Enough for a server that cannot be reached for 5 s while it is restarted.
const MAX_RETRIES: u32 = 5;

/// Builds a [`Client`]. Everything but the endpoints has a default.
///
/// ```no_run
/// use std::time::Duration;
/// use etcd_client_core::{Tls, v2::Client};
///
/// let client = Client::builder()
///     .endpoints(["https://10.0.0.1:2379", "https://10.0.0.2:2379"])
///     .user("payments", "secret")
///     .tls(Tls::new().ca_file("ca.pem")?.identity_files("cert.pem", "key.pem")?.key_passphrase("secret"))
///     .timeout(Duration::from_secs(5))
///     .max_retries(3)
///     .build()?;
/// # Ok::<(), etcd_client_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    credentials: Option<Credentials>,
    settings: Settings,
}

impl Client {
    /// A client with the defaults. An endpoint is `host:port`, `http://host:port` or
    /// `https://host:port`, with a base path if there is one; without a port it is 2379.
    ///
    /// Nothing is connected before the first call.
    ///
    /// # Errors
    /// The list is empty, or an endpoint cannot be one.
    pub fn new<Form>(endpoints: impl Endpoints<Form>) -> Result<Self, Error> {
        Self::builder().endpoints(endpoints).build()
    }

    /// A client with other options than the defaults: `Client::builder().….build()?`.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }
}

impl Default for Client {
    /// The client of `http://127.0.0.1:2379`.
    fn default() -> Self {
        ClientBuilder::local()
    }
}

impl ClientBuilder {
    /// The options that etcdctl's environment variables say, from wherever they are read: those of
    /// [`v3::Client::from_env`](crate::v3::Client::from_env), `ETCDCTL_API` excepted.
    ///
    /// ```
    /// use etcd_client_core::v2::ClientBuilder;
    ///
    /// let variable = |name: &str| (name == "ETCDCTL_ENDPOINTS").then(|| "10.0.0.1:2379".to_owned());
    /// let client = ClientBuilder::from_variables(|name| Ok(variable(name)))?.build()?;
    /// # Ok::<(), etcd_client_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A variable holds what cannot be right, or asks for what this client does not do; and what `read` answers.
    pub fn from_variables(read: impl Fn(&str) -> Result<Option<String>, Error>) -> Result<Self, Error> {
        let Given { settings, user } = environment::read(Self::new().settings, read)?;
        let credentials = user.map(|(user, password)| Credentials::new(user, password));
        Ok(Self { credentials, settings })
    }

    pub(super) fn new() -> Self {
        let mut settings = Settings::new(Duration::from_secs(10));
        settings.max_retries = MAX_RETRIES;
        Self { credentials: None, settings }
    }

    /// The client of a server on this machine, about which nothing can be wrong.
    pub(super) fn local() -> Client {
        Client::over(Pool::new(ClientOptions::local(&Self::new().settings), None))
    }

    shared_options! {
        /// The servers, or the one: `host:port`, `http://host:port/base` or `https://host:port`. Without a scheme it
        /// is `https` if [`tls`](Self::tls) is given and `http` otherwise; without a port it is 2379.
        endpoints
        /// How long an endpoint has to begin its answer. 10 s: a server itself gives a write up after 7 s.
        /// The time for connecting is part of it. A watch may be silent for any time.
        timeout
        /// How often all endpoints are tried again, with growing pauses, while none of them can be
        /// reached or the members are electing a leader. 5.
        ///
        /// The pauses are 0.3, 0.6, 1.2, 2.4, 4.8 s and then 5 s each, a quarter more or less. 5 retries wait
        /// for a server that cannot be reached for 6 s, and fail after 7 to 12 s if it still cannot; 3 wait for
        /// 1.5 s, 10 for 25 s.
        max_retries
    }

    /// The user and the password, which go with every request: etcd does not ask for them.
    ///
    /// They go to the endpoints alone. A request that one of these redirects goes on without them, be it
    /// only to another port or to `https` of the same host.
    pub fn user(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some(Credentials::new(user, password));
        self
    }

    /// Reaches the servers through a proxy, loopback excepted. Without it the environment's proxies
    /// are not used: `proxy(Proxy::from_env()?)` uses them.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.settings.proxy = Some(proxy);
        self
    }

    /// The client, not connected yet.
    ///
    /// # Errors
    /// An option cannot be right: an endpoint, a certificate, a passphrase, a time limit of zero. The same for TLS options
    /// with an `http` endpoint, for a password with `https` and `http` endpoints, and for an endpoint with the path of
    /// the API. Always [`Kind::InvalidInput`](crate::Kind::InvalidInput).
    pub fn build(self) -> Result<Client, Error> {
        if let Some(credentials) = &self.credentials {
            credentials.check_for_basic()?;
        }
        let options = self.settings.check(Protocol::Http1, self.credentials.is_some())?;
        let of_the_api = |endpoint: &&Endpoint| {
            let path = endpoint.base_path();
            matches!(path, "/v2" | "/v3") || path.contains("/v2/keys")
        };
        if let Some(endpoint) = options.endpoints.iter().find(of_the_api) {
            let path = endpoint.base_path();
            let message = format!("{endpoint}: the client adds the path of the API; leave {path} out");
            return Err(Error::new(Kind::InvalidInput, message));
        }
        Ok(Client::over(Pool::new(options, self.credentials)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Tls};

    fn refusal(builder: ClientBuilder) -> String {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
        error.to_string()
    }

    #[test]
    fn what_cannot_work_is_refused_when_the_client_is_built() {
        let builder = Client::builder;
        assert!(refusal(builder()).contains("empty"));
        assert!(refusal(builder().endpoints(["ftp://host"])).contains("scheme"));
        assert!(refusal(builder().endpoints(["http://host"]).tls(Tls::new())).contains("write https://"));
        assert!(refusal(builder().endpoints(["host"]).timeout(Duration::ZERO)).contains("timeout is zero"));
        assert!(refusal(builder().endpoints(["host"]).user("a:b", "x")).contains("colon"));
        let keys = refusal(builder().endpoints(["http://host:1/v2/keys"]));
        assert_eq!(keys, "http://host:1/v2/keys: the client adds the path of the API; leave /v2/keys out");
        assert!(refusal(builder().endpoints(["http://host:1/v2/"])).contains("leave /v2 out"));
        assert!(builder().endpoints(["http://host:1/base/", "[::1]:2"]).build().is_ok());
    }

    #[test]
    fn a_client_shows_no_password() {
        let client = Client::builder().endpoints(["host"]).user("root", "hunter2").build().unwrap();
        assert!(!format!("{client:?}").contains("hunter2"));
        let builder = Client::builder().endpoints(["http://root:hunter2@host", "http://host/?p=hunter2"]);
        assert!(!format!("{builder:?}").contains("hunter2"));
    }

    #[test]
    fn a_password_is_not_sent_in_the_clear_where_another_endpoint_is_secured() {
        let mixed = Client::builder().endpoints(["https://one", "http://two"]);
        let message = refusal(mixed.clone().user("root", "hunter2"));
        assert!(message.starts_with("http://two:2379 is not secured"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
        assert!(mixed.build().is_ok());
    }
}
