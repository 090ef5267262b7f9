//! Connections to a server of which nothing is wanted: each costs it memory and goroutines.

use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_config::EtcdConfig;
use etcd_config_tests::{Flat, History, PREFIX, Proxy, Server, Witness, block_on, on_each_line};

const SOON: Duration = Duration::from_secs(5);

#[test]
fn what_has_been_read_keeps_one_connection_and_is_asked_for_over_it() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let proxy = Proxy::to(&server.address());
        let client = Client::new([proxy.endpoint()]).expect("a client");
        let live = Flat::options()
            .progress_interval(Duration::from_secs(1))
            .audit_interval(None)
            .watch(&client)
            .expect("a first snapshot");
        let witness = Witness::watching(&live);
        assert_eq!(proxy.open_connections(), 2, "the first was read over, on {etcd}");
        let start = Instant::now();
        while proxy.open_connections() > 1 {
            assert!(start.elapsed() < SOON * 3, "{} connections on {etcd}", proxy.open_connections());
            thread::sleep(Duration::from_millis(50));
        }
        // A store that cannot say how far it is, is asked now, as something was written elsewhere.
        let elsewhere = Client::new([server.endpoint()]).expect("a client");
        block_on(elsewhere.put("/elsewhere", "1").into_future()).expect("written");
        thread::sleep(Duration::from_secs(3));
        history.put("a", "2");
        witness.converges(&history, SOON);
        let status = live.status();
        assert!(status.age < Duration::from_secs(2), "{status}");
        assert_eq!((proxy.open_connections(), proxy.connections()), (1, 2), "on {etcd}");
        // Another one is read over a connection of its own once more.
        let second = Flat::options().watch(&client).expect("a second one");
        witness.converges(&history, SOON);
        assert_eq!((live.status().counters.losses, second.status().counters.losses), (0, 0));
        assert_eq!(proxy.connections(), 3, "on {etcd}");
    });
}
