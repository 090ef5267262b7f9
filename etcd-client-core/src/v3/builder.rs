//! The options of a client.

mod from_variables;

use std::time::Duration;

use super::client::Client;
use crate::Error;
use crate::transport::credentials::Credentials;
use crate::transport::endpoints::Endpoints;
use crate::transport::environment;
use crate::transport::http::Protocol;
use crate::transport::settings::{Settings, shared_options};
use crate::v3::net::auth::Auth;
use crate::v3::net::login::Login;
use crate::v3::net::pool::Pool;

/// Builds a [`Client`]. Everything but the endpoints has a default.
///
/// ```no_run
/// use std::time::Duration;
/// use etcd_client_core::{Tls, v3::Client};
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
    login: Option<Login>,
    settings: Settings,
}

impl Client {
    /// A client with the defaults. An endpoint is `host:port`, `http://host:port` or
    /// `https://host:port`; without a port it is 2379.
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

    /// A client from etcdctl's environment variables:
    ///
    /// | variable | what it says |
    /// | --- | --- |
    /// | `ETCDCTL_ENDPOINTS` | the servers, with commas between; `127.0.0.1:2379` if unset |
    /// | `ETCDCTL_USER`, `ETCDCTL_PASSWORD` | `user:password` in the first, or one in each |
    /// | `ETCDCTL_CACERT`, `ETCDCTL_CERT`, `ETCDCTL_KEY` | files: the authority, and this client's identity |
    /// | `ETCDCTL_INSECURE_TRANSPORT` | `false`: endpoints without a scheme are `https`, those with `http` are refused |
    /// | `ETCDCTL_DIAL_TIMEOUT`, `ETCDCTL_COMMAND_TIMEOUT` | limits, such as `5s` or `500ms`: [`connect_timeout`](ClientBuilder::connect_timeout), [`timeout`](ClientBuilder::timeout) |
    /// | `ETCDCTL_MAX_RECV_BYTES` | the largest answer, in bytes: [`receive_limit`](ClientBuilder::receive_limit) |
    ///
    /// Empty variables count as unset. They are read now, and not again.
    ///
    /// ```no_run
    /// use etcd_client_core::v3::Client;
    ///
    /// // ETCDCTL_ENDPOINTS=https://10.0.0.1:2379 ETCDCTL_CACERT=ca.pem ETCDCTL_USER=payments:secret
    /// let client = Client::from_env()?;
    /// # Ok::<(), etcd_client_core::Error>(())
    /// ```
    ///
    /// Those that say how etcdctl prints have no meaning here. What this client does not do is refused
    /// by name: `ETCDCTL_INSECURE_SKIP_TLS_VERIFY`, `ETCDCTL_DISCOVERY_SRV`, `ETCDCTL_AUTH_JWT_TOKEN`,
    /// `ETCDCTL_KEEPALIVE_TIME` and `_TIMEOUT`, `ETCDCTL_API` other than 3.
    ///
    /// # Errors
    /// A variable holds what cannot be right, or asks for what this client does not do.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_variables(environment::variable)?.build()
    }
}

impl ClientBuilder {
    pub(super) fn new() -> Self {
        Self { login: None, settings: Settings::new(Duration::from_secs(5)) }
    }

    shared_options! {
        /// The servers, or the one: `host:port`, `http://host:port` or `https://host:port`. Without a scheme it is
        /// `https` if [`tls`](Self::tls) is given and `http` otherwise; without a port it is 2379.
        endpoints
        /// How long an endpoint has to begin its answer. 5 s. The time for connecting is part of it.
        timeout
        /// How often all endpoints are tried again, with growing pauses, after none of them could do
        /// a call. 3.
        max_retries
    }

    /// The user and the password, from which a token is fetched when the first call is made, and again whenever the
    /// server does not accept it any more. Without it no token is sent.
    pub fn user(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Some(Login::Fixed(Credentials::new(user, password)));
        self
    }

    /// A provider of the user and the password, instead: it is called each time that a token is fetched, at
    /// the first call, and whenever the server does not accept a token any more.
    ///
    /// It has 10 s to answer. While it fails, so do calls, as with a server that does not answer; it is
    /// called again with the next call. What blocks belongs into `spawn_blocking`.
    ///
    /// ```no_run
    /// use etcd_client_core::{Credentials, v3::Client};
    ///
    /// let client = Client::builder()
    ///     .endpoints(["10.0.0.1:2379"])
    ///     .credentials(|| async {
    ///         let password = std::fs::read_to_string("/run/secrets/etcd-password")?;
    ///         Ok::<_, std::io::Error>(Credentials::new("payments", password.trim()))
    ///     })
    ///     .build()?;
    /// # Ok::<(), etcd_client_core::Error>(())
    /// ```
    pub fn credentials<F, A, E>(mut self, provider: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.login = Some(Login::provided(provider));
        self
    }

    /// The client, not connected yet.
    ///
    /// # Errors
    /// An option cannot be right: an endpoint, a certificate, a passphrase, a time limit of zero. The same for TLS options
    /// with an `http` endpoint, for a password with `https` and `http` endpoints, and for an endpoint with a path.
    /// Always [`Kind::InvalidInput`](crate::Kind::InvalidInput).
    pub fn build(self) -> Result<Client, Error> {
        if let Some(Login::Fixed(credentials)) = &self.login {
            credentials.check()?;
        }
        let options = self.settings.check(Protocol::Http2, self.login.is_some())?;
        if let Some(endpoint) = options.endpoints.iter().find(|endpoint| !endpoint.base_path().is_empty()) {
            return Err(Error::invalid_input(format!(
                "{endpoint}: gRPC knows no base path; leave {} out",
                endpoint.base_path()
            )));
        }
        Ok(Client::over(Pool::new(options, Auth::new(self.login))))
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
        assert!(refusal(builder().endpoints(["host:99999"])).contains("65535"));
        assert!(refusal(builder().endpoints(["http://host/v3"])).contains("base path"));
        assert!(refusal(builder().endpoints(["http://host"]).tls(Tls::new())).contains("write https://"));
        assert!(refusal(builder().endpoints(["host"]).timeout(Duration::ZERO)).contains("timeout is zero"));
        assert!(refusal(builder().endpoints(["host"]).user("", "x")).contains("name is empty"));
        assert!(refusal(builder().endpoints(["host"]).receive_limit(0)).contains("receive_limit"));
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
