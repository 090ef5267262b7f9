//! What answers on a port that does not serve etcd's API, from the first bytes that it sends.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Printable;
use crate::transport::endpoint::Endpoint;
use crate::transport::http::{HttpOptions, Protocol};

/// As much as is read of a greeting, in bytes, and shown of it, in characters.
const LONGEST_GREETING: usize = 512;
const SHOWN: usize = 100;

/// As much as is shown of a version, in characters.
pub(crate) const LONGEST_VERSION: usize = 20;

/// A service that waits for the client to go on is not waited for longer.
const LISTEN_LIMIT: Duration = Duration::from_secs(1);

/// What to write instead.
pub(crate) const CLIENT_URLS: &str = "write one of etcd's --listen-client-urls, port 2379 by default";

/// What is said of a server that never says anything.
const HANGS_UP: &str = "the server hangs up on every request: it is no etcd, or a proxy that reaches none";

/// A 404 in the words of Go, as etcd answers on its other ports.
pub(crate) const NOT_FOUND: &str = "404 page not found";

/// What to say of such a 404.
pub(crate) fn not_found() -> String {
    format!("is it etcd's port for metrics, or another service? {CLIENT_URLS}")
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
            _ => Self::Other(format!("what answers is {}", name_of(greeting))),
        }
    }
}

async fn listen(address: &str, protocol: Protocol) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let hello: &[u8] = match protocol {
        Protocol::Http1 => b"GET /version HTTP/1.1\r\nHost: etcd\r\n\r\n",
        // With an empty frame of settings.
        Protocol::Http2 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    };
    stream.write_all(hello).await?;
    let mut greeting = vec![0; LONGEST_GREETING];
    let mut length = 0;
    // A frame has nine bytes; a banner may come in pieces, and its first line will do.
    while length < greeting.len() && !greeting[..length].contains(&b'\n') && length < 9 {
        match stream.read(&mut greeting[length..]).await {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if length == 0 && error.kind() != io::ErrorKind::ConnectionReset => return Err(error),
            Err(_) => break,
        }
    }
    greeting.truncate(length);
    Ok(greeting)
}

/// The service that greets so, or the greeting itself.
fn name_of(greeting: &[u8]) -> String {
    const KNOWN: [(&[u8], &str); 8] = [
        (b"\x15\x03", "a server that speaks TLS, as https:// does"),
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
        let DetectedProtocol::Other(long) = DetectedProtocol::of(&[b'x'; LONGEST_GREETING]) else {
            panic!("it is no HTTP")
        };
        assert!(long.len() < 200, "{long}");
    }
}
