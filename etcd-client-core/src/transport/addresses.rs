//! The addresses of an endpoint's name, and which of them is asked first.
//!
//! The system's connector tries one address after the other until one accepts a connection. One that
//! accepts it and then says nothing, or something strange, would be all that is ever asked. So each
//! generation of an endpoint's connections begins with the next address.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What is known of a name's addresses; shared by all generations of connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses(Arc<Mutex<Vec<SocketAddr>>>);

/// Resolves names as the system does, and begins with another address at each turn.
struct Turn {
    addresses: Addresses,
    turn: u64,
}

impl Addresses {
    /// How many there are, 1 if that is not known.
    pub(crate) fn count(&self) -> usize {
        self.lock().len().max(1)
    }

    /// A resolver for the connections of this generation.
    pub(crate) fn resolver(&self, generation: u64) -> Arc<impl Resolve + use<>> {
        Arc::new(Turn { addresses: self.clone(), turn: generation })
    }

    /// Takes what the system answers. Those that are known keep their order, as DNS servers
    /// change it with each answer.
    fn settle(&self, found: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let mut known = self.lock();
        known.retain(|address| found.contains(address));
        for address in found {
            if !known.contains(&address) {
                known.push(address);
            }
        }
        known.clone()
    }

    /// Nothing panics while it holds this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Vec<SocketAddr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolve for Turn {
    fn resolve(&self, name: Name) -> Resolving {
        let (addresses, turn) = (self.addresses.clone(), self.turn);
        Box::pin(async move {
            // Port 0 stands for the one of the address that is connected to.
            let host = name.as_str().to_owned();
            let found = tokio::task::spawn_blocking(move || look_up(&host)).await??;
            Ok(Box::new(rotated(addresses.settle(found), turn).into_iter()) as Addrs)
        })
    }
}

fn look_up(host: &str) -> io::Result<Vec<SocketAddr>> {
    #[cfg(test)]
    if host == tests::TWO_ADDRESSES {
        return Ok(tests::addresses(&[2, 1]));
    }
    Ok((host, 0).to_socket_addrs()?.collect())
}

fn rotated(mut addresses: Vec<SocketAddr>, turn: u64) -> Vec<SocketAddr> {
    if let Some(first) = turn.checked_rem(u64::try_from(addresses.len()).unwrap_or(u64::MAX)) {
        addresses.rotate_left(usize::try_from(first).unwrap_or(0));
    }
    addresses
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use etcd_config_tests::{Reply, Scripted, Server, block_on};

    use super::*;
    use crate::{v2, v3};

    /// A name that stands for 127.0.0.2 and 127.0.0.1.
    pub(crate) const TWO_ADDRESSES: &str = "two-addresses.test";

    pub(crate) fn addresses(last: &[u8]) -> Vec<SocketAddr> {
        last.iter().map(|last| SocketAddr::from(([127, 0, 0, *last], 0))).collect()
    }

    /// A name with a server at its second address, and at its first something that accepts and is silent.
    fn with_a_silent_one_at_the_first(address: &str) -> (TcpListener, String) {
        let port: u16 = address.rsplit_once(':').unwrap().1.parse().unwrap();
        let silent = TcpListener::bind(("127.0.0.2", port)).unwrap();
        (silent, format!("http://{TWO_ADDRESSES}:{port}"))
    }

    #[test]
    fn the_next_address_is_asked_beside_one_that_hangs() {
        const NODE: &str =
            r#"{"action":"get","node":{"key":"/k","value":"v","modifiedIndex":7,"createdIndex":7}}"#;
        let server = Server::start();
        server.put("/k", "v");
        let scripted = Scripted::always(Reply::new(200, NODE).etcd("a", 7));
        let (_silent, over_v3) = with_a_silent_one_at_the_first(&server.address());
        let (_quiet, over_v2) = with_a_silent_one_at_the_first(&scripted.address());
        block_on(async {
            let client = v3::Client::new([over_v3]).unwrap();
            let start = Instant::now();
            assert_eq!(client.get("/k").await.unwrap().kv().unwrap().value, "v");
            client.watch("/k").await.unwrap();
            client.put("/k", "w").await.unwrap();
            assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
            let client = v2::Client::new([over_v2]).unwrap();
            let start = Instant::now();
            assert_eq!(client.get("k").await.unwrap().value(), Some("v"));
            assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        });
    }

    #[test]
    fn the_next_address_is_asked_after_a_stranger() {
        let server = Server::start();
        server.put("/k", "v");
        let port = server.address().rsplit_once(':').unwrap().1.to_owned();
        let listener = TcpListener::bind(format!("127.0.0.2:{port}")).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = std::io::Write::write_all(&mut &stream, b"220 mail.test ESMTP\r\n");
            }
        });
        block_on(async {
            let client = v3::Client::new([format!("http://{TWO_ADDRESSES}:{port}")]).unwrap();
            assert_eq!(client.get("/k").await.unwrap().kv().unwrap().value, "v");
        });
    }

    #[test]
    fn each_turn_begins_with_the_next_address_whatever_order_the_system_gives() {
        let known = Addresses::default();
        assert_eq!(known.count(), 1);
        let first = |turn: u64, found: &[u8]| rotated(known.settle(addresses(found)), turn)[0];
        assert_eq!(first(0, &[1, 2, 3]), addresses(&[1])[0]);
        assert_eq!(first(1, &[3, 1, 2]), addresses(&[2])[0]);
        assert_eq!(first(2, &[2, 3, 1]), addresses(&[3])[0]);
        assert_eq!(first(3, &[2, 3, 1]), addresses(&[1])[0]);
        assert_eq!(first(0, &[4, 3]), addresses(&[3])[0], "others are gone");
        assert_eq!(known.count(), 2);
        assert!(rotated(Vec::new(), 7).is_empty());
    }
}
