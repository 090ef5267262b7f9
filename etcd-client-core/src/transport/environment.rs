//! etcdctl's environment variables.

use std::time::Duration;

use crate::Error;
use crate::transport::endpoint;
use crate::transport::endpoint::{Endpoint, Scheme};
use crate::transport::settings::Settings;
use crate::transport::tls::Tls;

/// What the variables say.
pub(crate) struct Given {
    pub(crate) settings: Settings,
    /// The name and the password.
    pub(crate) user: Option<(String, String)>,
}

/// Reads a variable of this process; an empty one counts as unset.
pub(crate) fn variable(name: &str) -> Result<Option<String>, Error> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Error::invalid_input(format!("{name} is not valid UTF-8")))
        }
    }
}

/// The options that variables say; what they do not say is as in `settings`.
pub(crate) fn read(
    mut settings: Settings,
    read: impl Fn(&str) -> Result<Option<String>, Error>,
) -> Result<Given, Error> {
    let flag = |name| read(name)?.map(|value| boolean(name, &value)).transpose();
    for (name, why) in REFUSED {
        if read(name)?.is_some() {
            return Err(Error::invalid_input(format!("{name} is set, but {why}, and unset the variable")));
        }
    }
    if flag("ETCDCTL_INSECURE_SKIP_TLS_VERIFY")? == Some(true) {
        return Err(Error::invalid_input(
            "ETCDCTL_INSECURE_SKIP_TLS_VERIFY is on, but this client always verifies the server: \
             name its authority in ETCDCTL_CACERT, and unset the variable",
        ));
    }
    let endpoints = read("ETCDCTL_ENDPOINTS")?.unwrap_or_else(|| "127.0.0.1:2379".to_owned());
    let endpoints: Vec<_> =
        endpoints.split(',').filter(|part| !part.trim().is_empty()).map(str::to_owned).collect();
    let is_secure = flag("ETCDCTL_INSECURE_TRANSPORT")? == Some(false);
    let tls = tls(is_secure, read("ETCDCTL_CACERT")?, read("ETCDCTL_CERT")?, read("ETCDCTL_KEY")?)?;
    let secured_by = match tls {
        _ if is_secure => Some("ETCDCTL_INSECURE_TRANSPORT is false"),
        Some(_) => Some("ETCDCTL_CACERT or ETCDCTL_CERT is set"),
        None => None,
    };
    check(&endpoints, secured_by)?;
    settings.endpoints = endpoints;
    settings.tls = tls;
    let user = user(read("ETCDCTL_USER")?, read("ETCDCTL_PASSWORD")?)?;
    if let Some(limit) = read("ETCDCTL_DIAL_TIMEOUT")? {
        settings.connect_timeout = duration("ETCDCTL_DIAL_TIMEOUT", &limit)?;
    }
    if let Some(limit) = read("ETCDCTL_COMMAND_TIMEOUT")? {
        settings.timeout = duration("ETCDCTL_COMMAND_TIMEOUT", &limit)?;
    }
    if let Some(limit) = read("ETCDCTL_MAX_RECV_BYTES")? {
        settings.receive_limit = match bytes("ETCDCTL_MAX_RECV_BYTES", &limit)? {
            0 => settings.receive_limit,
            limit => limit,
        };
    }
    Ok(Given { settings, user })
}

/// What this client does not do, and what to do instead. What is not named here or read above says
/// how etcdctl prints (`DEBUG`, `HEX`, `WRITE_OUT`), lowers a limit that this client does not have
/// (`MAX_REQUEST_BYTES`), or means nothing without `DISCOVERY_SRV`.
const REFUSED: [(&str, &str); 4] = [
    ("ETCDCTL_DISCOVERY_SRV", "this client looks up no SRV records: name the servers in ETCDCTL_ENDPOINTS"),
    (
        "ETCDCTL_AUTH_JWT_TOKEN",
        "this client fetches its tokens itself: set ETCDCTL_USER and ETCDCTL_PASSWORD",
    ),
    (
        "ETCDCTL_KEEPALIVE_TIME",
        "this client asks for signs of life where it watches: set the progress interval of the watcher",
    ),
    (
        "ETCDCTL_KEEPALIVE_TIMEOUT",
        "this client asks for signs of life where it watches: set the progress interval of the watcher",
    ),
];

/// Go's notation.
fn boolean(name: &str, value: &str) -> Result<bool, Error> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(Error::invalid_input(format!("{name}={value:?} is neither true nor false"))),
    }
}

fn bytes(name: &str, value: &str) -> Result<usize, Error> {
    value.parse().map_err(|_| Error::invalid_input(format!("{name}={value:?} is not a number of bytes")))
}

fn user(user: Option<String>, password: Option<String>) -> Result<Option<(String, String)>, Error> {
    match (user, password) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Error::invalid_input("ETCDCTL_PASSWORD is set, but ETCDCTL_USER is not")),
        (Some(user), Some(password)) => Ok(Some((user, password))),
        (Some(both), None) => match both.split_once(':') {
            Some((user, password)) => Ok(Some((user.to_owned(), password.to_owned()))),
            None => Err(Error::invalid_input(
                "ETCDCTL_USER holds no password: write user:password, or set ETCDCTL_PASSWORD",
            )),
        },
    }
}

/// Endpoints that cannot be right, by the names of the variables that say so.
fn check(endpoints: &[String], secured_by: Option<&str>) -> Result<(), Error> {
    let bare = if secured_by.is_some() { Scheme::Https } else { Scheme::Http };
    if endpoints.iter().any(|text| endpoint::is_list(text)) {
        return Err(Error::invalid_input("ETCDCTL_ENDPOINTS: several endpoints have commas between them"));
    }
    let endpoints = Endpoint::parse_all(endpoints, bare).map_err(by("ETCDCTL_ENDPOINTS"))?;
    let plain = endpoints.iter().find(|endpoint| !endpoint.is_secure());
    match secured_by.zip(plain) {
        Some((why, plain)) => Err(Error::invalid_input(format!(
            "{why}, but {plain} in ETCDCTL_ENDPOINTS is not secured: write https://, or unset the variable"
        ))),
        None => Ok(()),
    }
}

/// Names the variables that an error is about.
fn by(variables: &str) -> impl FnOnce(Error) -> Error {
    move |error| Error::invalid_input(format!("{variables}: {error}"))
}

#[cfg(not(feature = "tls"))]
fn tls(
    is_secure: bool,
    authority: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
) -> Result<Option<Tls>, Error> {
    if is_secure || authority.or(certificate).or(key).is_some() {
        return Err(Error::invalid_input(
            "ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY and ETCDCTL_INSECURE_TRANSPORT=false need the feature `tls` of \
             etcd-config or etcd-client-core, which is off in this build: turn it on, or unset the variables",
        ));
    }
    Ok(None)
}

#[cfg(feature = "tls")]
fn tls(
    is_secure: bool,
    authority: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
) -> Result<Option<Tls>, Error> {
    let identity = match (certificate, key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate, key)),
        _ => {
            return Err(Error::invalid_input("ETCDCTL_CERT and ETCDCTL_KEY are set together, or not at all"));
        }
    };
    if authority.is_none() && identity.is_none() {
        return Ok(is_secure.then(Tls::new));
    }
    let mut tls = Tls::new();
    if let Some(authority) = authority {
        tls = tls.ca_file(authority).map_err(by("ETCDCTL_CACERT"))?;
    }
    if let Some((certificate, key)) = identity {
        tls = tls.identity_files(certificate, key).map_err(by("ETCDCTL_CERT, ETCDCTL_KEY"))?;
    }
    Ok(Some(tls))
}

/// Go's notation, as etcdctl reads it: `1m30s`, `500ms`, `1.5s`.
fn duration(name: &str, text: &str) -> Result<Duration, Error> {
    let bad = || Error::invalid_input(format!("{name}={text:?} is not a duration, such as 5s or 500ms"));
    let text = text.trim();
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let seconds = match unit {
            "ns" => 1e-9,
            // The micro sign, and the Greek letter.
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(bad()),
        };
        let number: f64 = number.parse().map_err(|_| bad())?;
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| bad())?;
        total = total.checked_add(part).ok_or_else(bad)?;
        rest = tail;
    }
    if total.is_zero() { Err(bad()) } else { Ok(total) }
}
