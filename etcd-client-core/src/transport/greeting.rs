//! What is said at an address to the first bytes of a protocol.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// As much as is read of a greeting, in bytes.
pub(super) const LONGEST_GREETING: usize = 512;

/// A service that waits for the client to go on is not waited for longer.
pub(super) const LISTEN_LIMIT: Duration = Duration::from_secs(1);

/// The first message of a client in TLS 1.2 (RFC 5246, 7.4.1.2): its version, 32 bytes that should be random, no session,
/// three ciphers, no compression.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x03\x03etcd-client-core asks about TLS!\
                              \x00\x00\x06\xc0\x2f\xc0\x2b\x00\x9c\x01\x00";

/// Whether TLS is spoken at an address, whatever certificates and versions: the beginning of a handshake is answered by
/// one, or by an alert. No feature is needed for it.
pub(crate) async fn speaks_tls(address: &str, limit: Duration) -> bool {
    let answer = timeout(limit.min(LISTEN_LIMIT), ask(address, CLIENT_HELLO)).await;
    matches!(answer, Ok(Ok(answer)) if matches!(answer[..], [0x15 | 0x16, 3, ..]))
}

/// The first line of what is answered, or the first bytes; nothing if the connection is closed.
pub(super) async fn ask(address: &str, hello: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_handshake_says_its_own_lengths() {
        assert_eq!(CLIENT_HELLO.len(), 5 + usize::from(CLIENT_HELLO[4]));
        assert_eq!(CLIENT_HELLO.len(), 9 + usize::from(CLIENT_HELLO[8]));
    }
}
