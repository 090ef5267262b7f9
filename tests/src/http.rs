//! The smallest HTTP client that can talk to a server on loopback.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// The status and the body of the reply to a GET.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
    exchange(address, &request, Duration::from_secs(2)).map(|(status, _, body)| (status, body))
}

/// The status and the body of the reply to a POST of JSON.
pub(crate) fn post(address: SocketAddr, path: &str, token: &str, json: &str) -> io::Result<(u16, String)> {
    let authorization = if token.is_empty() { String::new() } else { format!("authorization: {token}\r\n") };
    send(address, "POST", path, &authorization, json).map(|(status, _, body)| (status, body))
}

/// The status, the head and the body of the reply to a request with these headers.
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> io::Result<(u16, String, String)> {
    let head = format!("{method} {path} HTTP/1.0\r\n{headers}content-length: {}\r\n\r\n", body.len());
    exchange(address, &(head + body), Duration::from_secs(60))
}

/// What is replied to a POST of JSON within a time, and whether the reply has ended by then.
pub(crate) fn listen(
    address: SocketAddr,
    path: &str,
    headers: &str,
    json: &str,
    time: Duration,
) -> io::Result<(String, bool)> {
    let until = Instant::now() + time;
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    let length = json.len();
    let head = format!("POST {path} HTTP/1.0\r\n{headers}\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all((head + json).as_bytes())?;
    let (mut reply, mut buffer) = (Vec::new(), [0; 4096]);
    let text = |reply: &[u8]| String::from_utf8_lossy(reply).into_owned();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok((text(&reply), false));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer) {
            Ok(0) => return Ok((text(&reply), true)),
            Ok(length) => reply.extend(&buffer[..length]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
}

/// In HTTP/1.0 a reply is what comes until the end.
fn exchange(address: SocketAddr, request: &str, limit: Duration) -> io::Result<(u16, String, String)> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(request.as_bytes())?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    let (head, body) = reply.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or(io::ErrorKind::InvalidData)?, head.to_owned(), body.to_owned()))
}
