//! The few requests that the tests make, over connections of their own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// A connection on which nothing was asked yet.
pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
    stream
}

pub(crate) fn get(address: &str, path: &str) -> Reply {
    asked(address, &format!("GET {path} HTTP/1.0\r\n\r\n"))
}

pub(crate) fn post(address: &str, path: &str, body: &str) -> Reply {
    asked(address, &format!("POST {path} HTTP/1.0\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

/// Reads until the connection ends.
pub(crate) fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it ends within the limit");
    text
}

/// Reads until something has come.
pub(crate) fn until(stream: &mut TcpStream, what: &str) -> String {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !text.contains(what) {
        let length = stream.read(&mut buffer).expect("it comes within the limit");
        assert!(length > 0, "the connection has ended before {what:?}: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    text
}

fn asked(address: &str, request: &str) -> Reply {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).expect("the request is sent");
    let reply = rest(stream);
    let (head, body) = reply.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Reply { status, body: body.to_owned() }
}
