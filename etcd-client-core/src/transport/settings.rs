//! The options that both clients have, and whether they can be right.

use std::fmt;
use std::time::Duration;

use crate::Error;
use crate::transport::endpoint::redacted::Redacted;
use crate::transport::endpoint::{Endpoint, Scheme};
use crate::transport::http::{HttpOptions, PING_AFTER, Protocol};
use crate::transport::proxy::Proxy;
use crate::transport::tls::Tls;

/// The methods of a builder for the options that both clients have. It has a field `settings`; what differs
/// is said before the name of each method: limits, defaults, forms of an endpoint.
macro_rules! shared_options {
    (
        $(#[$endpoints:meta])* endpoints
        $(#[$timeout:meta])* timeout
        $(#[$max_retries:meta])* max_retries
    ) => {
        $(#[$endpoints])*
        pub fn endpoints<Form>(mut self, endpoints: impl $crate::Endpoints<Form>) -> Self {
            self.settings.endpoints = endpoints.into_list();
            self
        }

        /// The certificates to trust, and the identity to show, on `https` endpoints. Without it the system's
        /// certificates are trusted, and none is shown.
        #[cfg(feature = "tls")]
        #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
        pub fn tls(mut self, tls: $crate::Tls) -> Self {
            self.settings.tls = Some(tls);
            self
        }

        $(#[$timeout])*
        ///
        /// An answer that has begun may take longer, as long as the endpoint brings 1 KiB a second (shared
        /// by all its answers under way), measured over this time. A read does not wait for so long if
        /// there are other endpoints, or other addresses of the same name: the next is asked beside one
        /// from which nothing comes for a second, or too little for half of this time.
        pub fn timeout(mut self, timeout: ::std::time::Duration) -> Self {
            self.settings.timeout = timeout;
            self
        }

        /// How long TCP and TLS may take to connect. 2 s.
        pub fn connect_timeout(mut self, timeout: ::std::time::Duration) -> Self {
            self.settings.connect_timeout = timeout;
            self
        }

        $(#[$max_retries])*
        pub fn max_retries(mut self, retries: u32) -> Self {
            self.settings.max_retries = retries;
            self
        }

        /// The largest answer, in bytes, that is accepted. 512 MiB.
        pub fn receive_limit(mut self, bytes: usize) -> Self {
            self.settings.receive_limit = bytes;
            self
        }
    };
}

pub(crate) use shared_options;

/// No limit at all, as far as clocks can add it up.
const UNLIMITED: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// As it was given.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) endpoints: Vec<String>,
    pub(crate) tls: Option<Tls>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
    pub(crate) max_retries: u32,
    pub(crate) receive_limit: usize,
}

/// What a client was built from; enough to build another.
#[derive(Clone, Debug)]
pub(crate) struct ClientOptions {
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) http: HttpOptions,
    pub(crate) timeout: Duration,
    pub(crate) max_retries: u32,
    pub(crate) receive_limit: usize,
}

impl Settings {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            endpoints: Vec::new(),
            tls: None,
            proxy: None,
            connect_timeout: Duration::from_secs(2),
            timeout,
            max_retries: 3,
            receive_limit: 512 << 20,
        }
    }

    /// Certificates and keys are read once, so that what is wrong with them shows here.
    pub(crate) fn check(self, protocol: Protocol, has_password: bool) -> Result<ClientOptions, Error> {
        let bare = if self.tls.is_some() { Scheme::Https } else { Scheme::Http };
        let endpoints = Endpoint::parse_all(&self.endpoints, bare)?;
        if let Some(plain) = endpoints.iter().find(|endpoint| self.tls.is_some() && !endpoint.is_secure()) {
            return Err(Error::invalid_input(format!(
                "{plain} is not secured, but TLS options are given: write https://, or leave them out"
            )));
        }
        if has_password {
            refuse_password_in_the_clear(&endpoints)?;
        }
        for (name, limit) in [("timeout", self.timeout), ("connect_timeout", self.connect_timeout)] {
            if limit.is_zero() {
                return Err(Error::invalid_input(format!("{name} is zero: no call could succeed")));
            }
        }
        if self.receive_limit == 0 {
            return Err(Error::invalid_input("receive_limit is zero: no call could succeed"));
        }
        let connect_timeout = self.connect_timeout.min(UNLIMITED);
        let http = HttpOptions { connect_timeout, tls: self.tls, proxy: self.proxy, ping_after: PING_AFTER };
        http.client(protocol, endpoints.iter().any(Endpoint::is_secure))?;
        Ok(ClientOptions {
            endpoints,
            http,
            timeout: self.timeout.min(UNLIMITED),
            max_retries: self.max_retries,
            receive_limit: self.receive_limit,
        })
    }
}

impl ClientOptions {
    /// For a server on this machine.
    #[cfg(feature = "v2")]
    pub(crate) fn local(settings: &Settings) -> Self {
        Self {
            endpoints: vec![Endpoint::local()],
            http: HttpOptions {
                connect_timeout: settings.connect_timeout,
                tls: None,
                proxy: None,
                ping_after: PING_AFTER,
            },
            timeout: settings.timeout,
            max_retries: settings.max_retries,
            receive_limit: settings.receive_limit,
        }
    }

    /// Whether a password may be sent to the endpoints.
    pub(crate) fn check_password(&self) -> Result<(), Error> {
        refuse_password_in_the_clear(&self.endpoints)
    }
}

/// A password is not sent in the clear to one endpoint if it is encrypted on the way to another.
fn refuse_password_in_the_clear(endpoints: &[Endpoint]) -> Result<(), Error> {
    let (secure, plain): (Vec<_>, Vec<_>) = endpoints.iter().partition(|endpoint| endpoint.is_secure());
    if let (Some(secure), Some(plain)) = (secure.first(), plain.first()) {
        return Err(Error::invalid_input(format!(
            "{plain} is not secured, and {secure} is: the password would be sent in the clear to the \
             first; write https:// for all endpoints"
        )));
    }
    Ok(())
}

/// Endpoints are shown without what could be a password in them.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoints, tls, proxy, connect_timeout, timeout, max_retries, receive_limit } = self;
        let endpoints: Vec<_> = endpoints.iter().map(|endpoint| Redacted(endpoint)).collect();
        f.debug_struct("Settings")
            .field("endpoints", &endpoints)
            .field("tls", tls)
            .field("proxy", proxy)
            .field("connect_timeout", connect_timeout)
            .field("timeout", timeout)
            .field("max_retries", max_retries)
            .field("receive_limit", receive_limit)
            .finish()
    }
}
