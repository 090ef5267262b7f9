//! The stores, and what a test does to each of them.

use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::blocking::{V2Client, V3Client};
use etcd_client_core::{MemoryStore, Store, v2, v3};
use etcd_config_tests::{Proxy, Server, servers};

pub(crate) const SOON: Duration = Duration::from_secs(15);

/// A store, and the hand that writes to it past the network that a test disturbs.
pub(crate) struct Any {
    pub(crate) name: String,
    pub(crate) store: Arc<dyn Store>,
    hand: Hand,
}

enum Hand {
    Memory(MemoryStore),
    V2 { client: V2Client, server: Server, proxy: Proxy },
    V3 { client: V3Client, server: Server, proxy: Proxy },
}

/// Runs a test over memory, the newest etcd by v3, and each line of etcd by v2.
pub(crate) fn for_each_store(test: impl Fn(&Any)) {
    let memory = MemoryStore::new();
    test(&Any { name: "memory".into(), store: Arc::new(memory.clone()), hand: Hand::Memory(memory) });
    for etcd in servers::with_v2() {
        let server = Server::builder().etcd(etcd).v2().start();
        let proxy = Proxy::to(&server.address());
        let store = v2::Client::new([proxy.endpoint()]).unwrap();
        let client = v2::Client::new([server.endpoint()]).unwrap().blocking();
        let name = format!("v2 of {}", etcd.version());
        test(&Any { name, store: Arc::new(store), hand: Hand::V2 { client, server, proxy } });
    }
    let server = Server::start();
    let proxy = Proxy::to(&server.address());
    let store = v3::Client::new([proxy.endpoint()]).unwrap();
    let client = v3::Client::new([server.endpoint()]).unwrap().blocking();
    let name = format!("v3 of {}", server.etcd().version());
    test(&Any { name, store: Arc::new(store), hand: Hand::V3 { client, server, proxy } });
}

impl Any {
    /// Writes a key; the revision of the write.
    pub(crate) fn put(&self, key: &str, value: &str) -> u64 {
        match &self.hand {
            Hand::Memory(memory) => memory.put(key, value),
            Hand::V2 { client, .. } => client.set(key, value).send().unwrap().into_body().index().unwrap(),
            Hand::V3 { client, .. } => client.put(key, value).send().unwrap().header.revision,
        }
    }

    /// Deletes a key; the revision of the deletion.
    pub(crate) fn delete(&self, key: &str) -> u64 {
        match &self.hand {
            Hand::Memory(memory) => memory.delete(key),
            Hand::V2 { client, .. } => client.delete(key).send().unwrap().into_body().index().unwrap(),
            Hand::V3 { client, .. } => client.delete(key).send().unwrap().header.revision,
        }
    }

    /// Deletes all that is below a directory, which holds these keys, in one revision.
    pub(crate) fn delete_directory(&self, directory: &str, keys: &[&str]) -> u64 {
        match &self.hand {
            Hand::Memory(memory) => {
                let keys = keys.iter().map(|key| format!("{directory}/{key}"));
                keys.fold(memory.transaction(), etcd_client_core::Transaction::delete).commit()
            }
            Hand::V2 { client, .. } => {
                client.rmdir(directory).recursive(true).send().unwrap().into_body().index().unwrap()
            }
            Hand::V3 { client, .. } => {
                client.delete(format!("{directory}/")).prefix().send().unwrap().header.revision
            }
        }
    }

    /// Ends all connections; new ones are made.
    pub(crate) fn cut(&self) {
        match &self.hand {
            Hand::Memory(memory) => memory.cut(),
            Hand::V2 { proxy, .. } | Hand::V3 { proxy, .. } => proxy.cut(),
        }
    }

    /// Ends all connections, and lets no new ones be made.
    pub(crate) fn part(&self) {
        match &self.hand {
            Hand::Memory(memory) => memory.refuse(true),
            Hand::V2 { proxy, .. } | Hand::V3 { proxy, .. } => proxy.refuse(true),
        }
        self.cut();
    }

    /// Lets connections be made again.
    pub(crate) fn join(&self) {
        match &self.hand {
            Hand::Memory(memory) => memory.refuse(false),
            Hand::V2 { proxy, .. } | Hand::V3 { proxy, .. } => proxy.refuse(false),
        }
    }

    /// Whether nothing passes any longer, with no sign of it.
    pub(crate) fn silence(&self, on: bool) {
        match &self.hand {
            Hand::Memory(memory) => memory.silence(on),
            Hand::V2 { proxy, .. } | Hand::V3 { proxy, .. } => proxy.hold(on),
        }
    }

    /// Makes the store forget what was changed up to now.
    pub(crate) fn forget(&self) {
        match &self.hand {
            Hand::Memory(memory) => memory.compact(memory.revision()),
            Hand::V2 { client, .. } => {
                for n in 0..1_010 {
                    client.set("/elsewhere", n.to_string()).send().unwrap();
                }
            }
            Hand::V3 { client, .. } => {
                let head = self.put("/elsewhere", "x");
                client.compact(head).send().unwrap();
            }
        }
    }

    /// Replaces the store by an empty one under the same name.
    pub(crate) fn wipe(&self) {
        match &self.hand {
            Hand::Memory(memory) => memory.wipe(false),
            Hand::V2 { server, .. } | Hand::V3 { server, .. } => {
                server.wipe();
                server.restart();
            }
        }
    }
}
