//! The smallest HTTP client that can talk to a server on loopback.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The status and the body of the reply to a GET.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    exchange(address, &format!("GET {path} HTTP/1.0\r\n\r\n"), Duration::from_secs(2))
}

/// The status and the body of the reply to a POST of JSON.
pub(crate) fn post(address: SocketAddr, path: &str, token: &str, json: &str) -> io::Result<(u16, String)> {
    let length = json.len();
    let authorization = if token.is_empty() { String::new() } else { format!("authorization: {token}\r\n") };
    let head = format!("POST {path} HTTP/1.0\r\n{authorization}content-length: {length}\r\n\r\n");
    exchange(address, &(head + json), Duration::from_secs(15))
}

/// In HTTP/1.0 a reply is what comes until the end.
fn exchange(address: SocketAddr, request: &str, limit: Duration) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(request.as_bytes())?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    let (head, body) = reply.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or(io::ErrorKind::InvalidData)?, body.to_owned()))
}
