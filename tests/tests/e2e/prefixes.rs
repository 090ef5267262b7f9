//! A prefix means the same directory over each store, however it is written.

use etcd_client_core::{MemoryStore, v2, v3};
use etcd_config::{EtcdConfig, IntoStore, Live};
use etcd_config_tests::{SOON, Server, block_on, until_live};

#[derive(Debug, EtcdConfig)]
struct Service {
    #[etcd(default = "default")]
    name: String,
    #[etcd(nested)]
    database: Database,
}

#[derive(Debug, EtcdConfig)]
struct Database {
    #[etcd(default = "default")]
    host: String,
}

/// As it is written, and the keys of the two fields as etcd's v3 API has them. Over v2 slashes that are
/// too many do not count.
const PREFIXES: [(&str, [&str; 2]); 7] = [
    ("", ["name", "database/host"]),
    ("/", ["/name", "/database/host"]),
    ("/pre", ["/pre/name", "/pre/database/host"]),
    ("/pre/", ["/pre/name", "/pre/database/host"]),
    ("pre", ["pre/name", "pre/database/host"]),
    ("//pre", ["//pre/name", "//pre/database/host"]),
    ("/pre//fix", ["/pre//fix/name", "/pre//fix/database/host"]),
];

fn reads(prefix: &str, store: impl IntoStore, put: &dyn Fn(&str, &str), delete: &dyn Fn(&str)) {
    let (_, [name, host]) = PREFIXES.into_iter().find(|(known, _)| *known == prefix).expect("a case");
    put(name, "1");
    put(host, "1");
    let live: Live<Service> = Service::options().prefix(prefix).watch(store).expect("a first snapshot");
    let is = |name: &str, host: &str| {
        until_live(&live, SOON, &format!("{prefix:?}: {name} and {host}"), |live| {
            let service = live.load();
            service.name == name && service.database.host == host
        });
    };
    is("1", "1");
    put(name, "2");
    put(host, "2");
    is("2", "2");
    delete(host);
    is("2", "default");
    delete(name);
    is("default", "default");
}

#[test]
fn a_prefix_in_memory() {
    for (prefix, _) in PREFIXES {
        let store = MemoryStore::new();
        let put = |key: &str, value: &str| assert!(store.put(key, value) > 1);
        reads(prefix, store.clone(), &put, &|key| assert!(store.delete(key) > 1));
    }
}

#[test]
fn a_prefix_over_v3() {
    let server = Server::start();
    let client = v3::Client::new([server.endpoint()]).expect("a client");
    for (prefix, _) in PREFIXES {
        let put = |key: &str, value: &str| drop(block_on(client.put(key, value).into_future()).expect("put"));
        let delete = |key: &str| drop(block_on(client.delete(key).into_future()).expect("deleted"));
        reads(prefix, server.endpoint(), &put, &delete);
    }
}

#[test]
fn a_prefix_over_v2() {
    let server = Server::builder().etcd(etcd_config_tests::servers::with_v2()[0]).v2().start();
    let client = v2::Client::new([server.endpoint()]).expect("a client");
    let blocking = client.blocking();
    for (prefix, [name, host]) in PREFIXES {
        let put = |key: &str, value: &str| drop(blocking.set(key, value).send().expect("set"));
        let delete = |key: &str| drop(blocking.delete(key).recursive(true).send().expect("deleted"));
        reads(prefix, &client, &put, &delete);
        // A directory that is deleted takes the keys in it along.
        put(name, "3");
        put(host, "3");
        let live = Service::options().prefix(prefix).watch(&client).expect("a first snapshot");
        delete(host.strip_suffix("/host").expect("a directory"));
        put(name, "4");
        until_live(&live, SOON, prefix, |live| live.load().name == "4");
        assert_eq!(live.load().database.host, "default", "{prefix:?}");
        delete(name);
    }
}
