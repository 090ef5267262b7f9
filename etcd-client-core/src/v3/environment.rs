//! etcdctl's environment variables.

use std::time::Duration;

use super::builder::ClientBuilder;
use crate::{Error, Kind, Tls};

impl ClientBuilder {
    pub(super) fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| match std::env::var(name) {
            Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(invalid(format!("{name} is not valid UTF-8"))),
        })
    }

    fn from_variables(read: impl Fn(&str) -> Result<Option<String>, Error>) -> Result<Self, Error> {
        if read("ETCDCTL_INSECURE_SKIP_TLS_VERIFY")?.is_some_and(|value| !is_false(&value)) {
            return Err(invalid(
                "ETCDCTL_INSECURE_SKIP_TLS_VERIFY is on, but this client always verifies the server: \
                 name its authority in ETCDCTL_CACERT, and unset the variable"
                    .into(),
            ));
        }
        let endpoints = read("ETCDCTL_ENDPOINTS")?.unwrap_or_else(|| "127.0.0.1:2379".to_owned());
        let mut builder = Self::new().endpoints(endpoints.split(',').filter(|part| !part.trim().is_empty()));
        if let Some((user, password)) = user(read("ETCDCTL_USER")?, read("ETCDCTL_PASSWORD")?)? {
            builder = builder.user(user, password);
        }
        if let Some(tls) = tls(read("ETCDCTL_CACERT")?, read("ETCDCTL_CERT")?, read("ETCDCTL_KEY")?)? {
            builder = builder.tls(tls);
        }
        if let Some(limit) = read("ETCDCTL_DIAL_TIMEOUT")? {
            builder = builder.connect_timeout(duration("ETCDCTL_DIAL_TIMEOUT", &limit)?);
        }
        if let Some(limit) = read("ETCDCTL_COMMAND_TIMEOUT")? {
            builder = builder.timeout(duration("ETCDCTL_COMMAND_TIMEOUT", &limit)?);
        }
        Ok(builder)
    }
}

fn invalid(message: String) -> Error {
    Error::new(Kind::InvalidInput, message)
}

fn is_false(value: &str) -> bool {
    matches!(value, "0" | "f" | "F" | "false" | "FALSE" | "False")
}

fn user(user: Option<String>, password: Option<String>) -> Result<Option<(String, String)>, Error> {
    match (user, password) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(invalid("ETCDCTL_PASSWORD is set, but ETCDCTL_USER is not".into())),
        (Some(user), Some(password)) => Ok(Some((user, password))),
        (Some(both), None) => match both.split_once(':') {
            Some((user, password)) => Ok(Some((user.to_owned(), password.to_owned()))),
            None => Err(invalid(
                "ETCDCTL_USER holds no password: write user:password, or set ETCDCTL_PASSWORD".into(),
            )),
        },
    }
}

fn tls(
    authority: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
) -> Result<Option<Tls>, Error> {
    let identity = match (certificate, key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate, key)),
        _ => return Err(invalid("ETCDCTL_CERT and ETCDCTL_KEY are set together, or not at all".into())),
    };
    if authority.is_none() && identity.is_none() {
        return Ok(None);
    }
    let mut tls = Tls::new();
    if let Some(authority) = authority {
        tls = tls.ca_file(authority)?;
    }
    if let Some((certificate, key)) = identity {
        tls = tls.identity_files(certificate, key)?;
    }
    Ok(Some(tls))
}

/// Go's notation, as etcdctl reads it: `1m30s`, `500ms`, `1.5s`.
fn duration(name: &str, text: &str) -> Result<Duration, Error> {
    let bad = || invalid(format!("{name}={text:?} is not a duration, such as 5s or 500ms"));
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let seconds = match unit {
            "ms" => 0.001,
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
    fn variables_that_cannot_be_right_are_refused_by_name() {
        for (variables, name) in [
            (vec![("ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "true")], "ETCDCTL_CACERT"),
            (vec![("ETCDCTL_USER", "root")], "ETCDCTL_PASSWORD"),
            (vec![("ETCDCTL_PASSWORD", "x")], "ETCDCTL_USER"),
            (vec![("ETCDCTL_CERT", "x")], "ETCDCTL_KEY"),
            (vec![("ETCDCTL_CACERT", "no/such/file")], "no/such/file"),
            (vec![("ETCDCTL_DIAL_TIMEOUT", "5")], "ETCDCTL_DIAL_TIMEOUT"),
            (vec![("ETCDCTL_COMMAND_TIMEOUT", "0s")], "ETCDCTL_COMMAND_TIMEOUT"),
            (vec![("ETCDCTL_COMMAND_TIMEOUT", "1e9h")], "ETCDCTL_COMMAND_TIMEOUT"),
        ] {
            let error = from(&variables).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
