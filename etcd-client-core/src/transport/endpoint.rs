//! The address of a server, as a person writes it.

pub(crate) mod redacted;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use self::redacted::{Redacted, is_like_ipv6, may_hold_credentials};
use crate::Error;

const DEFAULT_PORT: u16 = 2379;

/// How a connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// The address of one server, checked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    scheme: Scheme,
    /// Scheme, host and port: no credentials, no path, no slash at the end.
    origin: String,
    /// Empty, or a path that begins with a slash and does not end with one.
    base_path: String,
}

impl Endpoint {
    /// Reads `host:port`, `http://host:port/base/` and the like; `bare` is the scheme of an
    /// address that names none.
    pub(crate) fn parse(text: &str, bare: Scheme) -> Result<Self, Error> {
        let text = text.trim();
        if may_hold_credentials(text) {
            return Err(with_credentials("the endpoint"));
        }
        if let Some(slip) = slip(text) {
            return Err(bad(text, slip));
        }
        let (scheme, rest) = split_scheme(text, bare)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = split_port(text, authority)?;
        let base_path = check_path(text, path)?;
        let scheme_text = match scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let origin = format!("{scheme_text}://{host}:{port}");
        // Such as a label that begins with `xn--` and is not punycode.
        reqwest::Url::parse(&origin)
            .map_err(|error| bad(text, &format!("{host:?} is not a host name ({error})")))?;
        Ok(Self { scheme, origin, base_path })
    }

    /// Where etcd listens by default.
    #[cfg(feature = "v2")]
    pub(crate) fn local() -> Self {
        let origin = format!("http://{}:{DEFAULT_PORT}", Ipv4Addr::LOCALHOST);
        Self { scheme: Scheme::Http, origin, base_path: String::new() }
    }

    /// Reads a list of endpoints, which must not be empty; one that appears twice counts once.
    pub(crate) fn parse_all(texts: &[String], bare: Scheme) -> Result<Vec<Self>, Error> {
        let mut endpoints = Vec::with_capacity(texts.len());
        for (place, text) in texts.iter().enumerate() {
            if texts.len() > 1 && may_hold_credentials(text) {
                // It is not shown, so it is counted.
                return Err(with_credentials(&format!("endpoint {} of {}", place + 1, texts.len())));
            }
            let endpoint = Self::parse(text, bare)?;
            if !endpoints.contains(&endpoint) {
                endpoints.push(endpoint);
            }
        }
        if endpoints.is_empty() {
            return Err(Error::invalid_input(
                "the list of endpoints is empty: name at least one, such as 127.0.0.1:2379",
            ));
        }
        Ok(endpoints)
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        self.origin.split_once("://").map_or(&*self.origin, |(_, authority)| authority)
    }

    pub(crate) fn base_path(&self) -> &str {
        &self.base_path
    }

    /// The whole address of `path`, which begins with a slash and is already encoded.
    pub(crate) fn url(&self, path: &str) -> Result<reqwest::Url, Error> {
        reqwest::Url::parse(&format!("{self}{path}"))
            .map_err(|error| Error::invalid_input(format!("{self}{path} is not an address: {error}")))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.base_path)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn with_credentials(which: &str) -> Error {
    Error::invalid_input(format!(
        "{which} holds a user or a password: leave them out, and give them to the client's builder, as in \
         client::v3::Client::builder().user()"
    ))
}

/// A common mistake in an endpoint, for which there is a better message than the first thing that cannot be parsed.
fn slip(text: &str) -> Option<&'static str> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let starts_as = |scheme: &str| text.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme));
    if text.is_empty() {
        Some(
            "it is empty; write host:port, such as 127.0.0.1:2379; is there a comma too many, or a variable \
             that is not set?",
        )
    } else if is_list(text) {
        Some("these are several endpoints: give them as a list, such as [\"a:2379\", \"b:2379\"]")
    } else if text.starts_with(['"', '\'', '`']) || text.starts_with("[\"") {
        Some("leave quotation marks and brackets out of the text; several endpoints are a list of texts")
    } else if rest.len() == text.len()
        && ["http:/", "https:/", "http//", "https//"].into_iter().any(starts_as)
        || rest.contains("://")
    {
        Some("an endpoint begins with its scheme, once, such as http://127.0.0.1:2379")
    } else {
        None
    }
}

/// Whether a text is several endpoints, each with its port.
pub(crate) fn is_list(text: &str) -> bool {
    let is_between = |c: char| c.is_whitespace() || matches!(c, ';' | '|' | ',');
    let parts: Vec<&str> = text.split(is_between).filter(|part| !part.is_empty()).collect();
    parts.len() > 1 && parts.iter().all(|part| part.contains(':') && !part.contains(['?', '#']))
}

fn bad(text: &str, why: &str) -> Error {
    Error::invalid_input(format!("{:?} is not an endpoint: {why}", Redacted(text)))
}

fn split_scheme(text: &str, bare: Scheme) -> Result<(Scheme, &str), Error> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Ok((bare, text));
    };
    if scheme.eq_ignore_ascii_case("http") {
        Ok((Scheme::Http, rest))
    } else if scheme.eq_ignore_ascii_case("https") {
        Ok((Scheme::Https, rest))
    } else {
        // Only the scheme is repeated: what follows could hold a password.
        Err(Error::invalid_input(format!(
            "{scheme:?} is not the scheme of an endpoint: use http:// or https://"
        )))
    }
}

fn split_port<'t>(text: &str, authority: &'t str) -> Result<(&'t str, u16), Error> {
    let (host, port) = if authority.starts_with('[') {
        let end = authority.find(']').ok_or_else(|| bad(text, "the bracket is not closed"))?;
        let (host, rest) = authority.split_at(end + 1);
        host[1..end]
            .parse::<Ipv6Addr>()
            .map_err(|_| bad(text, "there is no IPv6 address in the brackets"))?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err(bad(text, "only a port may follow the bracket")),
        }
    } else {
        match authority.split_once(':') {
            Some((_, port)) if port.contains(':') && !is_like_ipv6(authority) => {
                return Err(bad(text, "there is more than one port"));
            }
            Some((_, port)) if port.contains(':') => {
                return Err(bad(text, "an IPv6 address stands in brackets, such as [::1]:2379"));
            }
            Some((host, port)) => (check_host(text, host)?, Some(port)),
            None => (check_host(text, authority)?, None),
        }
    };
    let port = match port {
        None => DEFAULT_PORT,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| bad(text, "the port is not between 1 and 65535"))?,
        Some(_) => return Err(bad(text, "the port is not a number")),
    };
    Ok((host, port))
}

fn check_host<'t>(text: &str, host: &'t str) -> Result<&'t str, Error> {
    if host.is_empty() {
        return Err(bad(text, "there is no host; write host:port, such as 127.0.0.1:2379"));
    }
    if let Some(other) = host.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.' | '_')) {
        return Err(bad(text, &format!("{other:?} cannot be part of a host name")));
    }
    // What ends in a number is read as an IPv4 address by every resolver:
    // https://url.spec.whatwg.org/#ends-in-a-number-checker
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let numeric = match last.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
    };
    if numeric && host.parse::<Ipv4Addr>().is_err() {
        return Err(bad(text, "the host is neither a name nor an IPv4 address"));
    }
    if host.split('.').any(|label| label.len() > 63)
        || host.trim_end_matches('.').split('.').any(str::is_empty)
    {
        return Err(bad(text, "a part of the host name is empty or longer than 63 characters"));
    }
    Ok(host)
}

fn check_path(text: &str, path: &str) -> Result<String, Error> {
    if path.contains(['?', '#']) {
        return Err(bad(text, "an endpoint has no query and no fragment"));
    }
    let path = path.trim_end_matches('/');
    if path.contains("//") || path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(bad(text, "the path has an empty, . or .. segment"));
    }
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    if !path.bytes().all(plain) {
        return Err(bad(text, "the path holds a character that must be percent-encoded"));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn read(text: &str) -> String {
        Endpoint::parse(text, Scheme::Http)
            .map_or_else(|error| format!("! {error}"), |endpoint| endpoint.to_string())
    }

    #[test]
    fn every_form_of_an_address_is_read() {
        for (text, expected) in [
            ("127.0.0.1:2379", "http://127.0.0.1:2379"),
            ("etcd-0.etcd.svc", "http://etcd-0.etcd.svc:2379"),
            ("etcd_0:4001", "http://etcd_0:4001"),
            ("HTTPS://Etcd.example:443/", "https://Etcd.example:443"),
            ("http://host", "http://host:2379"),
            (" https://host:1 ", "https://host:1"),
            ("[::1]:4001", "http://[::1]:4001"),
            ("https://[fe80::1]", "https://[fe80::1]:2379"),
            ("http://proxy:80/etcd/one/", "http://proxy:80/etcd/one"),
            ("host.:2379", "http://host.:2379"),
        ] {
            assert_eq!(read(text), expected);
            assert!(Endpoint::parse(text, Scheme::Http).unwrap().url("/v2/keys").is_ok(), "{text}");
        }
        let bare = Endpoint::parse("10.0.0.1", Scheme::Https).unwrap();
        assert_eq!(Endpoint::parse("127.0.0.1", Scheme::Http).unwrap(), Endpoint::local());
        assert_eq!(bare.to_string(), "https://10.0.0.1:2379");
        assert!(bare.is_secure());
    }

    #[test]
    fn what_cannot_be_an_address_is_refused_by_name() {
        for (text, why) in [
            ("", "it is empty"),
            ("http://", "no host"),
            ("a:1;b:2", "give them as a list, such as [\"a:2379\", \"b:2379\"]"),
            ("a:1 b:2", "give them as a list"),
            ("http://a:1 | http://b:2", "give them as a list"),
            ("a:1,b:2", "give them as a list"),
            ("\"a:1\"", "quotation marks"),
            ("'a:1'", "quotation marks"),
            ("[\"a:1\"]", "brackets out of the text"),
            ("http:/a:1", "begins with its scheme, once"),
            ("HTTPS//a:1", "begins with its scheme, once"),
            ("http://http://a:1", "begins with its scheme, once"),
            ("a:1:", "more than one port"),
            ("localhost:1:2", "more than one port"),
            ("127.0.0.1:1:2", "more than one port"),
            ("fe80::1", "brackets"),
            ("1:2:3:4:5:6:7:8", "brackets"),
            (":2379", "no host"),
            ("unix://socket", "\"unix\" is not the scheme"),
            ("host:", "not between 1 and 65535"),
            ("host:0", "not between 1 and 65535"),
            ("host:65536", "not between 1 and 65535"),
            ("host:+80", "not a number"),
            ("host:port", "not a number"),
            ("::1:2379", "brackets"),
            ("[::1", "not closed"),
            ("[::1]2379", "only a port"),
            ("[localhost]:1", "no IPv6 address"),
            ("300.0.0.1:1", "neither a name nor an IPv4"),
            ("host.0x", "neither a name nor an IPv4"),
            ("0x7f000001", "neither a name nor an IPv4"),
            ("xn--a.example", "is not a host name"),
            ("ho st:1", "' ' cannot be part"),
            ("höst:1", "'ö' cannot be part"),
            ("a..b", "empty"),
            ("host:1?x=1", "no query"),
            ("host:1/a/../b", ".. segment"),
            ("host:1/a b", "percent-encoded"),
        ] {
            let message = read(text);
            assert!(message.starts_with('!') && message.contains(why), "{text}: {message}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        for text in [
            "http://root:hunter2@host:1",
            "root:hunter2@host",
            "ftp://root:hunter2@host",
            "http://root:/hunter2@host",
            "root:?hunter2@host:1",
            "root:hunter2%40host",
            "http://root:hunter2%40host:1",
            "http://host/?password=hunter2",
            "host:1#hunter2",
            "root:hunter2",
            "http://root:hunter2",
            "root:7hunter2",
            "root:1 a:hunter2",
            "root:7;a:hunter2",
            "http:/root:hunter2",
            "'root:hunter2'",
            "root:1:hunter2",
            "root::hunter2",
            "http://root:12hunter2/x",
        ] {
            let error = Endpoint::parse(text, Scheme::Http).unwrap_err();
            assert_eq!(error.kind(), Kind::InvalidInput);
            assert!(!format!("{error} {error:?} {:?}", Redacted(text)).contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_list_is_not_empty_and_names_each_once() {
        assert!(Endpoint::parse_all(&[], Scheme::Http).unwrap_err().to_string().contains("empty"));
        let twice = ["host:2379".to_owned(), "http://host".to_owned()];
        assert_eq!(Endpoint::parse_all(&twice, Scheme::Http).unwrap().len(), 1);
    }

    #[test]
    fn which_endpoint_holds_a_password_is_said_by_its_place() {
        let said = |texts: &[&str]| {
            let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
            Endpoint::parse_all(&texts, Scheme::Http).unwrap_err().to_string()
        };
        let way_out = "holds a user or a password: leave them out, and give them to the client's builder, as in \
                       client::v3::Client::builder().user()";
        assert_eq!(said(&["http://u:hunter2@a:1"]), format!("the endpoint {way_out}"));
        assert_eq!(said(&["a:1", "u:hunter2@b:2", "c:3"]), format!("endpoint 2 of 3 {way_out}"));
    }
}
