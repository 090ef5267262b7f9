//! Gigabytes beside a watch.

use std::thread;
use std::time::Duration;

use etcd_client_core::Tls;
use etcd_client_core::v3::Client;
use etcd_config::EtcdConfig;
use etcd_config_tests::{Certificates, Flat, History, Identity, PREFIX, Server, Witness, servers};

/// Large answers on the same endpoint, more than a connection has room for.
#[test]
fn r53_large_answers_do_not_delay_a_watch() {
    for etcd in servers::each_line() {
        let certificates = Certificates::new();
        let server = Server::builder().etcd(etcd).mutual_tls(&certificates).start();
        let history = History::of(&server, PREFIX);
        let Identity { certificate, key } = certificates.client();
        let tls = Tls::new().ca_file(certificates.ca_file()).expect("the authority's certificate");
        let tls = tls.identity_files(certificate, key).expect("the client's files");
        let client = Client::builder().endpoints([server.endpoint()]).tls(tls).build().expect("a client");
        let live = Flat::watch(client.clone()).expect("a first snapshot");
        let witness = Witness::watching(&live);

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let fill = async {
            for n in 0..10 {
                client.put(format!("/large/{n}"), vec![b'x'; 1 << 20]).await.expect("written");
            }
        };
        runtime.block_on(fill);
        let ranges: Vec<_> =
            (0..200).map(|_| runtime.spawn(client.get("/large/").prefix().into_future())).collect();
        thread::sleep(Duration::from_millis(100));
        for n in 0..3 {
            history.put("a", &n.to_string());
            witness.converges(&history, Duration::from_secs(2));
        }
        let left = ranges.iter().filter(|range| !range.is_finished()).count();
        assert!(left > 0, "there was nothing to wait for");
        ranges.iter().for_each(tokio::task::JoinHandle::abort);
        assert_eq!(live.status().counters.losses, 0);
    }
}
