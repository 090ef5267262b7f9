//! What answers on a port that does not serve etcd's API, from the first bytes that it sends.

use std::io;
use std::time::Duration;

use http::StatusCode;
use tokio::time::timeout;

use crate::Printable;
use crate::printable::excerpt;
use crate::transport::endpoint::Endpoint;
use crate::transport::greeting::{LISTEN_LIMIT, ask, is_of_tls};
use crate::transport::http::{HttpOptions, Protocol};
use crate::transport::tls;

/// As much as is shown of a greeting, in characters.
const SHOWN: usize = 100;

/// As much of a page as is searched for its title, in bytes.
const LONGEST_HEAD: usize = 4096;

/// As much as is shown of a version, in characters.
pub(crate) const LONGEST_VERSION: usize = 20;

/// What to write instead.
pub(crate) const CLIENT_URLS: &str =
    "write the address of etcd's port for clients (--advertise-client-urls, port 2379 by default)";

/// What is said of a server that never says anything.
const HANGS_UP: &str = "the server hangs up on every request: it is no etcd, or a proxy that reaches none";

/// A 404 in the words of Go, as etcd answers on its other ports.
pub(crate) const NOT_FOUND: &str = "404 page not found";

/// As much as is shown of a page, in characters.
const LONGEST_TITLE: usize = 80;

/// What to ask whoever gets an HTTP answer that is not etcd's.
pub(crate) fn whose(status: StatusCode, body: &[u8]) -> String {
    if wants_tls(body) {
        return tls::WANTED.to_owned();
    }
    let guess = match status {
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            "a proxy that does not reach etcd"
        }
        _ if body.trim_ascii() == NOT_FOUND.as_bytes() => "etcd's port for metrics",
        _ => "a proxy",
    };
    format!("is it {guess}, or another service? {CLIENT_URLS}")
}

/// The same of a success that etcd would not give.
#[cfg(feature = "v2")]
pub(crate) fn whose_success() -> String {
    whose(StatusCode::OK, b"")
}

/// Whether it is Go's answer to a request without TLS, where that is spoken.
pub(crate) fn wants_tls(body: &[u8]) -> bool {
    let sign = b"HTTP request to an HTTPS server";
    body.windows(sign.len()).take(LONGEST_HEAD).any(|words| words == sign)
}

/// An HTTP answer in words: its status, and what the body says beyond that.
pub(crate) fn http_answer(status: StatusCode, body: &[u8]) -> String {
    let said = excerpt_of_page(body).unwrap_or_else(|| excerpt(body));
    let status = status.to_string();
    let is_said = status.to_ascii_lowercase().contains(&said.to_ascii_lowercase());
    if is_said { format!("HTTP {status}") } else { format!("HTTP {status}: {said}") }
}

/// The title of an HTML page, or its first words.
fn excerpt_of_page(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(LONGEST_HEAD)]);
    if !text.trim_start().starts_with('<') {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let begin = lower.find("<title").and_then(|tag| Some(tag + lower[tag..].find('>')? + 1));
    let title = begin.and_then(|begin| text.get(begin..begin + lower[begin..].find("</title")?));
    let words =
        title.filter(|title| !title.trim().is_empty()).map_or_else(|| without_tags(&text), str::to_owned);
    Some(Printable::line(&excerpt(words.as_bytes())).at_most(LONGEST_TITLE).to_string())
}

fn without_tags(page: &str) -> String {
    let is_program = |piece: &&str| {
        let name = piece.get(..6).unwrap_or_default().to_ascii_lowercase();
        name == "script" || name.starts_with("style")
    };
    let pieces = page.split('<').filter(|piece| !is_program(piece));
    let texts: Vec<&str> = pieces.filter_map(|piece| Some(piece.split_once('>')?.1)).collect();
    texts.join(" ")
}

/// What to say of a port that answers other members. The version is the server's own word.
pub(crate) fn peer_port(version: &str) -> String {
    let version = Printable::line(version).at_most(LONGEST_VERSION);
    format!("this is the port of an etcd {version} for its peers (--listen-peer-urls): {CLIENT_URLS}")
}

/// What is spoken at an address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DetectedProtocol {
    Http1,
    Http2,
    /// The connection is accepted, and closed without an answer.
    HangsUp,
    /// Without TLS there is only an alert.
    Tls,
    /// Something else, of which this is known.
    Other(String),
}

impl DetectedProtocol {
    /// Reads what is answered to the beginning of a protocol, on a connection of its own. `None` with TLS or a
    /// proxy, if there is no connection, and if nothing comes in time.
    pub(crate) async fn detect(
        endpoint: &Endpoint,
        http: &HttpOptions,
        protocol: Protocol,
        limit: Duration,
    ) -> Option<Self> {
        if endpoint.is_secure() || http.proxy.is_some() {
            return None;
        }
        let limit = limit.min(LISTEN_LIMIT);
        let greeting = timeout(limit, listen(endpoint.authority(), protocol)).await.ok()?.ok()?;
        Some(Self::of(&greeting))
    }

    /// What is said of it, if it is neither version of HTTP.
    pub(crate) fn complaint(&self) -> Option<String> {
        match self {
            Self::Other(what) => Some(format!("{what}: {CLIENT_URLS}")),
            Self::HangsUp => Some(HANGS_UP.to_owned()),
            Self::Tls => Some(tls::WANTED.to_owned()),
            Self::Http1 | Self::Http2 => None,
        }
    }

    fn of(greeting: &[u8]) -> Self {
        // A frame of settings begins each connection: three bytes of length, its kind.
        if greeting.len() >= 9 && greeting[0] == 0 && greeting[3] == 4 && greeting[5..9] == [0; 4] {
            return Self::Http2;
        }
        match greeting {
            [] => Self::HangsUp,
            [b'H', b'T', b'T', b'P', b'/', ..] => Self::Http1,
            _ if is_of_tls(greeting) => Self::Tls,
            _ => Self::Other(format!("what answers is {}", name_of(greeting))),
        }
    }
}

async fn listen(address: &str, protocol: Protocol) -> io::Result<Vec<u8>> {
    let hello: &[u8] = match protocol {
        Protocol::Http1 => b"GET /version HTTP/1.1\r\nHost: etcd\r\n\r\n",
        // With an empty frame of settings.
        Protocol::Http2 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    };
    ask(address, hello).await
}

/// The service that greets so, or the greeting itself.
fn name_of(greeting: &[u8]) -> String {
    const KNOWN: [(&[u8], &str); 7] = [
        (b"-ERR ", "redis"),
        (b"-NOAUTH ", "redis"),
        (b"-DENIED ", "redis"),
        (b"SSH-", "an SSH server"),
        (b"220", "a mail or FTP server"),
        (b"E\0\0\0", "PostgreSQL"),
        (b"ERROR\r\n", "memcached"),
    ];
    if let Some((_, name)) = KNOWN.iter().find(|(start, _)| greeting.starts_with(start)) {
        return (*name).to_owned();
    }
    // A packet's length, its number, the version of the protocol.
    if greeting.len() > 5 && greeting[2..5] == [0, 0, 10] {
        return "MySQL".to_owned();
    }
    let first = greeting.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let text = String::from_utf8_lossy(first);
    format!("no HTTP server; it says {:?}", Printable::line(text.trim_end()).at_most(SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::greeting::LONGEST_GREETING;

    #[test]
    fn services_are_known_by_their_first_words() {
        for (greeting, name) in [
            (&b"-ERR unknown command 'GET'\r\n"[..], "what answers is redis"),
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", "what answers is an SSH server"),
            (b"220 mail.test ESMTP\r\n", "what answers is a mail or FTP server"),
            (b"J\0\0\0\x0a8.0.32\0", "what answers is MySQL"),
            (b"E\0\0\0\x65SFATAL\0", "what answers is PostgreSQL"),
            (b"hello\x1b[2J\nmore", "what answers is no HTTP server; it says \"hello\\u{1b}[2J\""),
        ] {
            assert_eq!(DetectedProtocol::of(greeting), DetectedProtocol::Other(name.to_owned()));
        }
        assert_eq!(DetectedProtocol::of(b"HTTP/1.0 400"), DetectedProtocol::Http1);
        assert_eq!(DetectedProtocol::of(b"\0\0\x06\x04\0\0\0\0\0\0\x05"), DetectedProtocol::Http2);
        assert_eq!(DetectedProtocol::of(b""), DetectedProtocol::HangsUp);
        let alert = DetectedProtocol::of(b"\x15\x03\x01\0\x02\x02\x46");
        assert_eq!(alert.complaint().as_deref(), Some(tls::WANTED));
        let DetectedProtocol::Other(long) = DetectedProtocol::of(&[b'x'; LONGEST_GREETING]) else {
            panic!("it is no HTTP")
        };
        assert!(long.len() < 200, "{long}");
    }

    #[test]
    fn of_a_page_the_title_is_said_or_the_first_words() {
        let said =
            |status: u16, body: &str| http_answer(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        let python = "<!DOCTYPE HTML>\n<html lang=\"en\">\n <head>\n <meta charset=\"utf-8\">\n <title>Error \
                      response</title>\n </head><body><h1>Error response</h1><p>Error code: 404</p>";
        assert_eq!(said(404, python), "HTTP 404 Not Found: Error response");
        let nginx = "<html>\r\n<head><title>502 Bad Gateway</title></head><body><center>nginx</center>";
        assert_eq!(said(502, nginx), "HTTP 502 Bad Gateway");
        let haproxy =
            "<html><body><h1>503 Service Unavailable</h1>\nNo server is available.\n</body></html>\n";
        assert_eq!(
            said(503, haproxy),
            "HTTP 503 Service Unavailable: 503 Service Unavailable No server is available."
        );
        assert_eq!(said(404, NOT_FOUND), "HTTP 404 Not Found: 404 page not found");
        let styled = "<STYLE>b { color: red }</STYLE><TITLE lang=de>Gr\u{fc}\u{df}e\u{1b}[2J</TITLE>";
        assert_eq!(said(200, styled), "HTTP 200 OK: Gr\u{fc}\u{df}e\\u{1b}[2J");
        assert_eq!(said(200, "<script>x = 1</script><p>welcome"), "HTTP 200 OK: welcome");
        for bare in ["", "<", "<title", "<title>", "<html>\u{fc}<title"] {
            assert!(said(200, bare).len() < 20, "{bare}");
        }
        assert!(said(200, &format!("<p>{}", "x".repeat(100_000))).len() < 110);
        assert!(said(200, &"<".repeat(100_000)).len() < 110);
    }

    #[test]
    fn whose_an_answer_is_is_asked_of_each_that_is_not_etcds() {
        let asked = |status, body: &str| whose(status, body.as_bytes());
        for (status, body, guess) in [
            (
                StatusCode::NOT_FOUND,
                "404 page not found\n",
                "is it etcd's port for metrics, or another service? ",
            ),
            (StatusCode::NOT_FOUND, "<html>", "is it a proxy, or another service? "),
            (StatusCode::BAD_GATEWAY, "", "is it a proxy that does not reach etcd, or another service? "),
        ] {
            assert_eq!(asked(status, body), format!("{guess}{CLIENT_URLS}"));
        }
    }
}
