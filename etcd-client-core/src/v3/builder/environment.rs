//! etcdctl's environment variables.

use std::time::Duration;

use crate::Error;
use crate::transport::endpoint;
use crate::transport::endpoint::{Endpoint, Scheme};
use crate::transport::tls::Tls;
use crate::v3::builder::ClientBuilder;

impl ClientBuilder {
    pub(in crate::v3) fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| match std::env::var(name) {
            Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(Error::invalid_input(format!("{name} is not valid UTF-8")))
            }
        })
    }

    fn from_variables(read: impl Fn(&str) -> Result<Option<String>, Error>) -> Result<Self, Error> {
        let flag = |name| read(name)?.map(|value| boolean(name, &value)).transpose();
        for (name, why) in REFUSED {
            if read(name)?.is_some() {
                return Err(Error::invalid_input(format!(
                    "{name} is set, but {why}, and unset the variable"
                )));
            }
        }
        if flag("ETCDCTL_INSECURE_SKIP_TLS_VERIFY")? == Some(true) {
            return Err(Error::invalid_input(
                "ETCDCTL_INSECURE_SKIP_TLS_VERIFY is on, but this client always verifies the server: \
                 name its authority in ETCDCTL_CACERT, and unset the variable",
            ));
        }
        if read("ETCDCTL_API")?.is_some_and(|version| version != "3") {
            return Err(Error::invalid_input("ETCDCTL_API is not 3: for the older API there is v2::Client"));
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
        let mut builder = Self::new().endpoints(endpoints);
        if let Some((user, password)) = user(read("ETCDCTL_USER")?, read("ETCDCTL_PASSWORD")?)? {
            builder = builder.user(user, password);
        }
        builder.settings.tls = tls;
        if let Some(limit) = read("ETCDCTL_DIAL_TIMEOUT")? {
            builder = builder.connect_timeout(duration("ETCDCTL_DIAL_TIMEOUT", &limit)?);
        }
        if let Some(limit) = read("ETCDCTL_COMMAND_TIMEOUT")? {
            builder = builder.timeout(duration("ETCDCTL_COMMAND_TIMEOUT", &limit)?);
        }
        if let Some(limit) = read("ETCDCTL_MAX_RECV_BYTES")? {
            builder = match bytes("ETCDCTL_MAX_RECV_BYTES", &limit)? {
                0 => builder,
                limit => builder.receive_limit(limit),
            };
        }
        Ok(builder)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<ClientBuilder, Error> {
        ClientBuilder::from_variables(|name| {
            Ok(variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        })
    }

    #[test]
    fn etcdctls_variables_are_read() {
        let builder = from(&[
            ("ETCDCTL_ENDPOINTS", "http://a:1, b:2,"),
            ("ETCDCTL_USER", "root:pass:word"),
            ("ETCDCTL_DIAL_TIMEOUT", "1m1.5s"),
            ("ETCDCTL_COMMAND_TIMEOUT", "500ms"),
            ("ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "false"),
        ]);
        let shown = format!("{:?}", builder.unwrap());
        for part in ["\"http://a:1\", \" b:2\"", "\"root\"", "61.5s", "500ms"] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        assert!(!shown.contains("pass:word"));
        assert!(format!("{:?}", from(&[]).unwrap()).contains("127.0.0.1:2379"));
    }

    #[test]
    fn a_transport_that_is_not_insecure_is_tls() {
        let builder = from(&[("ETCDCTL_INSECURE_TRANSPORT", "false"), ("ETCDCTL_USER", "root:x")]).unwrap();
        let client = builder.build().unwrap();
        assert!(format!("{client:?}").contains("https://127.0.0.1:2379"), "{client:?}");
        let plain = [("ETCDCTL_INSECURE_TRANSPORT", "false"), ("ETCDCTL_ENDPOINTS", "http://a:1")];
        let error = from(&plain).unwrap_err().to_string();
        assert!(error.starts_with("ETCDCTL_INSECURE_TRANSPORT is false, but http://a:1 in "), "{error}");
        let client = from(&[("ETCDCTL_INSECURE_TRANSPORT", "true")]).unwrap().build().unwrap();
        assert!(format!("{client:?}").contains("http://127.0.0.1:2379"), "{client:?}");
    }

    /// What becomes of a variable.
    enum Fate {
        /// It shows in the builder.
        Obeyed(&'static str),
        Refused,
        /// It says how etcdctl prints, or nothing by itself.
        Nothing,
    }

    /// The global flags of etcdctl 3.4 to 3.7, each of which is a variable, too.
    #[test]
    fn every_variable_of_etcdctl_is_obeyed_or_refused_by_name() {
        use Fate::{Nothing, Obeyed, Refused};
        for (name, value, fate) in [
            ("ETCDCTL_API", "3", Nothing),
            ("ETCDCTL_API", "2", Refused),
            ("ETCDCTL_AUTH_JWT_TOKEN", "hunter2", Refused),
            ("ETCDCTL_CACERT", "no/such/file", Refused),
            ("ETCDCTL_CERT", "no/such/file", Refused),
            ("ETCDCTL_COMMAND_TIMEOUT", "7s", Obeyed("timeout: 7s")),
            ("ETCDCTL_DEBUG", "true", Nothing),
            ("ETCDCTL_DIAL_TIMEOUT", "7s", Obeyed("connect_timeout: 7s")),
            ("ETCDCTL_DISCOVERY_SRV", "example.com", Refused),
            ("ETCDCTL_DISCOVERY_SRV_NAME", "name", Nothing),
            ("ETCDCTL_ENDPOINTS", "a:1", Obeyed("\"a:1\"")),
            ("ETCDCTL_HEX", "true", Nothing),
            ("ETCDCTL_INSECURE_DISCOVERY", "false", Nothing),
            ("ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "true", Refused),
            ("ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "yes", Refused),
            ("ETCDCTL_INSECURE_TRANSPORT", "false", Obeyed("tls: Some")),
            ("ETCDCTL_INSECURE_TRANSPORT", "no", Refused),
            ("ETCDCTL_KEEPALIVE_TIME", "7s", Refused),
            ("ETCDCTL_KEEPALIVE_TIMEOUT", "7s", Refused),
            ("ETCDCTL_KEY", "no/such/file", Refused),
            ("ETCDCTL_MAX_RECV_BYTES", "77", Obeyed("receive_limit: 77")),
            ("ETCDCTL_MAX_RECV_BYTES", "0", Nothing),
            ("ETCDCTL_MAX_RECV_BYTES", "-1", Refused),
            ("ETCDCTL_MAX_REQUEST_BYTES", "77", Nothing),
            ("ETCDCTL_PASSWORD", "hunter2", Refused),
            ("ETCDCTL_USER", "root:hunter2", Obeyed("\"root\"")),
            ("ETCDCTL_WRITE_OUT", "json", Nothing),
        ] {
            let unset = format!("{:?}", from(&[]).unwrap());
            let shown = from(&[(name, value)]).map(|builder| format!("{builder:?}"));
            match (shown, fate) {
                (Ok(shown), Obeyed(part)) => {
                    assert!(shown.contains(part) && !unset.contains(part), "{name}: {shown}");
                    assert!(!shown.contains("hunter2"), "{name}: {shown}");
                }
                (Ok(shown), Nothing) => assert_eq!(shown, unset, "{name}"),
                (Err(error), Refused) => {
                    let message = error.to_string();
                    assert!(message.contains(name) || message.contains(value), "{name}: {message}");
                    assert!(!message.contains("hunter2"), "{name}: {message}");
                }
                (Ok(shown), Refused) => panic!("{name} is not refused: {shown}"),
                (Err(error), _) => panic!("{name} is refused: {error}"),
            }
        }
    }

    #[test]
    fn a_duration_is_read_as_go_reads_it() {
        for (text, expected) in [
            ("5s", "5s"),
            ("+5s", "5s"),
            (".5s", "500ms"),
            ("5.s", "5s"),
            ("1h1m1s", "3661s"),
            ("500000us", "500ms"),
            ("500000µs", "500ms"),
            ("500000μs", "500ms"),
            ("2000000000ns", "2s"),
        ] {
            let builder = from(&[("ETCDCTL_DIAL_TIMEOUT", text)]);
            let shown = format!("{:?}", builder.unwrap_or_else(|error| panic!("{text}: {error}")));
            assert!(shown.contains(&format!("connect_timeout: {expected}")), "{text}: {shown}");
        }
        for text in ["5", "0", "0s", "-5s", "++5s", "5 s", "1d", "s", ".s", "1e3s", "5s ms", "infs", "NaNs"] {
            let error = from(&[("ETCDCTL_DIAL_TIMEOUT", text)]).expect_err(text).to_string();
            assert!(error.starts_with("ETCDCTL_DIAL_TIMEOUT="), "{text}: {error}");
        }
    }

    /// etcdctl speaks to such an endpoint in the clear.
    #[test]
    fn certificates_beside_an_endpoint_without_tls_are_refused_by_name() {
        let folder = std::env::temp_dir().join(format!("etcd-client-core-ca-env-{}", std::process::id()));
        std::fs::write(&folder, include_str!("../../../testdata/certificate.pem")).unwrap();
        let authority = folder.to_str().unwrap();
        let with = |endpoints| from(&[("ETCDCTL_CACERT", authority), ("ETCDCTL_ENDPOINTS", endpoints)]);
        let error = with("https://a:1,http://b:1").unwrap_err().to_string();
        assert!(with("a:1,https://b:1").is_ok());
        std::fs::remove_file(&folder).unwrap();
        assert!(
            error.contains("ETCDCTL_CACERT") && error.contains("http://b:1 in ETCDCTL_ENDPOINTS"),
            "{error}"
        );
    }

    #[test]
    fn variables_that_cannot_be_right_are_refused_by_name() {
        for (variables, name) in [
            (vec![("ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "true")], "ETCDCTL_CACERT"),
            (vec![("ETCDCTL_USER", "root")], "ETCDCTL_PASSWORD"),
            (vec![("ETCDCTL_PASSWORD", "x")], "ETCDCTL_USER"),
            (vec![("ETCDCTL_CERT", "x")], "ETCDCTL_KEY"),
            (vec![("ETCDCTL_CACERT", "no/such/file")], "ETCDCTL_CACERT: no/such/file"),
            (vec![("ETCDCTL_CERT", "no/cert"), ("ETCDCTL_KEY", "no/key")], "ETCDCTL_CERT, ETCDCTL_KEY: no/"),
            (vec![("ETCDCTL_ENDPOINTS", "http://a:port")], "ETCDCTL_ENDPOINTS: "),
            (vec![("ETCDCTL_ENDPOINTS", "a:1;b:hunter2")], "several endpoints have commas between them"),
            (vec![("ETCDCTL_ENDPOINTS", "root:hunter2@a:1")], "ETCDCTL_ENDPOINTS: "),
            (vec![("ETCDCTL_DIAL_TIMEOUT", "5")], "ETCDCTL_DIAL_TIMEOUT"),
            (vec![("ETCDCTL_COMMAND_TIMEOUT", "0s")], "ETCDCTL_COMMAND_TIMEOUT"),
            (vec![("ETCDCTL_COMMAND_TIMEOUT", "1e9h")], "ETCDCTL_COMMAND_TIMEOUT"),
        ] {
            let error = from(&variables).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
