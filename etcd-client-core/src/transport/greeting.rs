//! What is said at an address to the first bytes of a protocol.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// As much as is read of a greeting, in bytes.
pub(super) const LONGEST_GREETING: usize = 512;

/// A service that waits for the client to go on is not waited for longer.
pub(super) const LISTEN_LIMIT: Duration = Duration::from_secs(1);

/// Whether TLS is spoken at an address, a host and a port, whatever certificates and versions: the beginning of a handshake
/// is answered by one, or by an alert. No feature is needed for it.
pub(crate) async fn speaks_tls(address: &str, limit: Duration) -> bool {
    let answer = timeout(limit.min(LISTEN_LIMIT), ask(address, &client_hello(address))).await;
    matches!(answer, Ok(Ok(answer)) if is_of_tls(&answer))
}

/// An alert, or a server's first message in a handshake. An echo of the client's is neither.
pub(super) fn is_of_tls(answer: &[u8]) -> bool {
    matches!(answer, [0x15, 3, _, 0, 2, _, ..] | [0x16, 3, _, _, _, 2, ..])
}

/// The first line of what is answered, or the first bytes; nothing if the connection is closed.
pub(super) async fn ask(address: &str, hello: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(hello).await?;
    let mut greeting = vec![0; LONGEST_GREETING];
    let mut length = 0;
    while length < greeting.len() && !is_enough(&greeting[..length]) {
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

/// A frame has nine bytes, an alert seven, after which some servers wait; a banner may come in pieces, and its first line
/// will do.
fn is_enough(greeting: &[u8]) -> bool {
    match greeting {
        [0x15 | 0x16, 3, ..] => greeting.len() >= 6,
        _ => greeting.len() >= 9 || greeting.contains(&b'\n'),
    }
}

/// The first message of a client that speaks TLS 1.2 and 1.3 (RFC 8446, 4.1.2), and asks for the host by its name, as a
/// proxy may serve many. It has no key of its own, so the handshake goes no further than the first answer.
fn client_hello(address: &str) -> Vec<u8> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let mut extensions = Vec::new();
    if !host.starts_with('[') && host.parse::<Ipv4Addr>().is_err() {
        let name = [&[0][..], &with_length(host.trim_end_matches('.').as_bytes())].concat();
        extend(&mut extensions, SERVER_NAME, &with_length(&name));
    }
    extend(&mut extensions, SUPPORTED_GROUPS, b"\x00\x04\x00\x1d\x00\x17");
    // ECDSA and RSA, with SHA-256: PSS and PKCS#1.
    extend(&mut extensions, SIGNATURE_ALGORITHMS, b"\x00\x06\x04\x03\x08\x04\x04\x01");
    extend(&mut extensions, SUPPORTED_VERSIONS, b"\x04\x03\x04\x03\x03");
    extend(&mut extensions, KEY_SHARE, b"\x00\x00");
    // Its version, 32 bytes that should be random, no session, ciphers of both versions, no compression.
    let mut body =
        b"\x03\x03etcd-client-core asks about TLS!\x00\x00\x08\x13\x01\xc0\x2f\xc0\x2b\x00\x9c\x01\x00"
            .to_vec();
    body.extend(with_length(&extensions));
    let message = [&b"\x01\x00"[..], &with_length(&body)].concat();
    [&b"\x16\x03\x01"[..], &with_length(&message)].concat()
}

/// The extensions of a client's first message.
const SERVER_NAME: u16 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const SIGNATURE_ALGORITHMS: u16 = 13;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;

fn extend(extensions: &mut Vec<u8>, extension: u16, content: &[u8]) {
    extensions.extend(extension.to_be_bytes());
    extensions.extend(with_length(content));
}

/// A host's name has 255 bytes at most, so all of it has two bytes of length.
fn with_length(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;
    use std::time::Instant;
    use tokio::net::TcpListener;

    /// What becomes of the client's bytes at a server.
    #[derive(Clone, Copy)]
    enum Server {
        /// Says this, and hangs up.
        Ends(&'static [u8]),
        /// Says this, and keeps the connection.
        Stays(&'static [u8]),
        /// Says this, byte by byte.
        Drips(&'static [u8]),
        Echoes,
        Floods,
    }

    async fn serve(listener: TcpListener, server: Server) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = vec![0; LONGEST_GREETING];
        let length = stream.read(&mut hello).await.unwrap();
        match server {
            Server::Ends(words) => stream.write_all(words).await.unwrap(),
            Server::Stays(words) => {
                stream.write_all(words).await.unwrap();
                std::future::pending::<()>().await;
            }
            Server::Drips(words) => {
                for byte in words {
                    stream.write_all(&[*byte]).await.unwrap();
                    stream.flush().await.unwrap();
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                std::future::pending::<()>().await;
            }
            Server::Echoes => stream.write_all(&hello[..length]).await.unwrap(),
            Server::Floods => while stream.write_all(&hello).await.is_ok() {},
        }
    }

    async fn listen() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn tls_is_known_however_it_arrives_and_nothing_else_is() {
        const ALERT: &[u8] = b"\x15\x03\x01\x00\x02\x02\x28";
        const SERVER_HELLO: &[u8] = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03random";
        // Its first message in pieces of one byte, and of ten, which is a line feed.
        const CUT: &[u8] = b"\x16\x03\x03\x00\x01\x02\x16\x03\x03\x00\x01\x00";
        const OF_TEN: &[u8] = b"\x16\x03\x03\x00\x0a\x02\x00\x00\x76\x03\x03random";
        for words in [ALERT, SERVER_HELLO, CUT, OF_TEN] {
            for server in [Server::Ends(words), Server::Stays(words), Server::Drips(words)] {
                let (listener, address) = listen().await;
                let server = tokio::spawn(serve(listener, server));
                assert!(speaks_tls(&address.to_string(), LISTEN_LIMIT).await, "{words:?}");
                server.abort();
            }
        }
        let http = Server::Ends(b"HTTP/1.1 400 Bad Request\r\n");
        let others = [
            b"-ERR unknown command\r\n",
            &b"SSH-2.0-x\r\n"[..],
            b"\x15\x03",
            b"\x16",
            b"J\0\0\0\x0a8.0",
            b"",
        ];
        let others = others.into_iter().flat_map(|words| [Server::Ends(words), Server::Stays(words)]);
        for server in others.chain([http, Server::Echoes, Server::Floods]) {
            let (listener, address) = listen().await;
            let server = tokio::spawn(serve(listener, server));
            let start = Instant::now();
            assert!(!speaks_tls(&address.to_string(), Duration::from_millis(300)).await);
            assert!(start.elapsed() < LISTEN_LIMIT, "{:?}", start.elapsed());
            server.abort();
        }
    }

    /// What a server of TLS reads: the name that the client asks for, if any.
    #[cfg(feature = "tls")]
    fn name_asked_for(address: &str) -> Option<String> {
        let mut acceptor = rustls::server::Acceptor::default();
        acceptor.read_tls(&mut &client_hello(address)[..]).unwrap();
        let accepted = acceptor.accept().map_err(|(error, _)| error).unwrap().expect("a whole message");
        accepted.client_hello().server_name().map(str::to_owned)
    }

    #[cfg(feature = "tls")]
    #[test]
    fn a_server_of_many_names_is_asked_for_the_one_of_the_endpoint() {
        assert_eq!(name_asked_for("etcd-0.example:2379").as_deref(), Some("etcd-0.example"));
        assert_eq!(name_asked_for("etcd_0.Example.:443").as_deref(), Some("etcd_0.example"));
        assert_eq!(name_asked_for("127.0.0.1:2379"), None);
        assert_eq!(name_asked_for("[::1]:2379"), None);
    }
}
