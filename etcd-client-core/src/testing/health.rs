//! Whether a server serves.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// The longest that an answer is waited for.
const LIMIT: Duration = Duration::from_secs(2);

/// Whether the server at a port of 127.0.0.1 has a leader, and answers reads.
pub(super) fn is_healthy(port: u16) -> bool {
    answer(port).is_ok_and(|answer| answer.contains(r#""health":"true""#))
}

fn answer(port: u16) -> io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
    // In HTTP/1.0 an answer is what comes until the end; etcd's is short.
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    Ok(answer)
}
