//! A forward proxy between the client and the servers.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::{Error, Kind};

/// An HTTP proxy for a [`v2::Client`](crate::v2::Client), and the hosts that are reached without it. The v3
/// client has no option for one.
///
/// Loopback addresses and `localhost` are never reached through a proxy. The environment is only
/// used by [`from_env`](Self::from_env).
#[derive(Clone)]
pub struct Proxy {
    plain: Option<reqwest::Url>,
    secure: Option<reqwest::Url>,
    direct: Arc<[String]>,
}

impl Proxy {
    /// The proxy at this address (`http://proxy:3128`), for all servers.
    ///
    /// # Errors
    /// The address is none.
    pub fn new(address: &str) -> Result<Self, Error> {
        let url = parse("the proxy's address", address)?;
        Ok(Self { plain: Some(url.clone()), secure: Some(url), direct: Arc::default() })
    }

    /// The proxies that `HTTP_PROXY` (for `http` servers) and `HTTPS_PROXY` (for `https` servers)
    /// name, in either case of letters, except for the hosts in `NO_PROXY`: names, domains with or
    /// without a dot before them, addresses, or `*` for all, with commas between.
    ///
    /// # Errors
    /// A variable does not hold an address.
    pub fn from_env() -> Result<Self, Error> {
        let read = |name: &str| {
            let values = [name.to_ascii_lowercase(), name.to_owned()].map(std::env::var);
            values.into_iter().flatten().find(|value| !value.trim().is_empty())
        };
        let url = |name: &str| read(name).map(|value| parse(name, &value)).transpose();
        let direct = read("NO_PROXY").unwrap_or_default();
        Ok(Self { plain: url("HTTP_PROXY")?, secure: url("HTTPS_PROXY")?, direct: Arc::default() }
            .except(direct.split(',')))
    }

    /// Reaches these hosts without the proxy: names, domains with or without a dot before them, addresses.
    ///
    /// ```
    /// use etcd_client_core::{Proxy, v2::Client};
    ///
    /// let proxy = Proxy::new("http://proxy:3128")?.except(["10.0.0.1", ".internal"]);
    /// let client = Client::builder().endpoints(["http://etcd.example:2379"]).proxy(proxy).build()?;
    /// # Ok::<(), etcd_client_core::Error>(())
    /// ```
    #[must_use]
    pub fn except<'h>(mut self, hosts: impl IntoIterator<Item = &'h str>) -> Self {
        let hosts = hosts.into_iter().map(|host| host.trim().to_ascii_lowercase());
        let hosts = hosts.filter(|host| !host.is_empty());
        self.direct = self.direct.iter().cloned().chain(hosts).collect();
        self
    }

    /// Has connections made so.
    pub(crate) fn configure(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        let proxy = self.clone();
        builder.proxy(reqwest::Proxy::custom(move |url| proxy.for_server(url)))
    }

    fn for_server(&self, server: &reqwest::Url) -> Option<reqwest::Url> {
        let host = server.host_str()?.to_ascii_lowercase();
        if is_loopback(&host) || self.direct.iter().any(|entry| covers(entry, &host)) {
            return None;
        }
        if server.scheme() == "https" { self.secure.clone() } else { self.plain.clone() }
    }
}

impl fmt::Debug for Proxy {
    /// The address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host =
            |url: &Option<reqwest::Url>| url.as_ref().and_then(|url| url.host_str().map(str::to_owned));
        f.debug_struct("Proxy")
            .field("plain", &host(&self.plain))
            .field("secure", &host(&self.secure))
            .field("direct", &self.direct)
            .finish()
    }
}

fn parse(name: &str, text: &str) -> Result<reqwest::Url, Error> {
    let text = text.trim();
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    // The text is not repeated: it may hold a password.
    let url = reqwest::Url::parse(&whole).map_err(|error| {
        Error::new(Kind::InvalidInput, format!("{name} is not an address such as http://proxy:3128: {error}"))
    })?;
    if url.scheme() != "http" || url.host_str().is_none() {
        let why = format!("{name} is not the address of an HTTP proxy, such as http://proxy:3128");
        return Err(Error::new(Kind::InvalidInput, why));
    }
    Ok(url)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn covers(entry: &str, host: &str) -> bool {
    let domain = entry.trim_start_matches("*.").trim_start_matches('.');
    entry == "*" || host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(proxy: &Proxy, server: &str) -> Option<String> {
        let url = reqwest::Url::parse(server).unwrap();
        proxy.for_server(&url).map(|proxy| proxy.host_str().unwrap().to_owned())
    }

    #[test]
    fn servers_are_reached_through_the_proxy_but_for_loopback_and_the_excepted() {
        let proxy = Proxy::new("proxy:3128").unwrap().except(["internal", ".corp.example", "10.0.0.9"]);
        assert_eq!(way(&proxy, "http://10.0.0.1:2379"), Some("proxy".into()));
        assert_eq!(way(&proxy, "https://etcd.example:2379"), Some("proxy".into()));
        for direct in [
            "http://127.0.0.1:2379",
            "http://127.8.0.1",
            "http://[::1]:2379",
            "http://localhost:1",
            "http://internal",
            "http://etcd.corp.example",
            "http://10.0.0.9",
        ] {
            assert_eq!(way(&proxy, direct), None, "{direct}");
        }
        assert_eq!(way(&proxy, "http://notcorp.example"), Some("proxy".into()));
        assert_eq!(way(&proxy.except(["*"]), "http://10.0.0.1"), None);
    }

    #[test]
    fn a_password_is_neither_shown_nor_repeated() {
        let proxy = Proxy::new("http://me:hunter2@proxy:3128").unwrap();
        assert!(!format!("{proxy:?}").contains("hunter2"));
        let error = Proxy::new("socks5://me:hunter2@proxy").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
