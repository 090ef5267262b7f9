//! Whether a server is up: the smallest HTTP client that can ask.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Whether the server whose plain metrics listener is at `port` has a leader and answers reads.
pub(crate) fn is_healthy(port: u16) -> bool {
    get(port, "/health").is_some_and(|reply| reply.contains(r#""health":"true""#))
}

/// The whole reply to a GET, or `None` where there is none.
pub(crate) fn get(port: u16, path: &str) -> Option<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).ok()?;
    Some(reply)
}

/// A counter or gauge of the server, summed over its labels.
pub(crate) fn metric(port: u16, name: &str) -> f64 {
    let reply = get(port, "/metrics").unwrap_or_default();
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let rest = if rest.starts_with('{') { rest.split_once('}')?.1 } else { rest };
        rest.strip_prefix(' ')?.trim().parse::<f64>().ok()
    };
    reply.lines().filter_map(value).sum()
}
