//! More watches than a connection may carry: servers and proxies limit the streams of each
//! (`--max-concurrent-streams`, nginx's 128).

use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_config::{EtcdConfig, Live};
use etcd_config_tests::{Etcd, Flat, History, PREFIX, Proxy, Server, Witness, servers};

/// The servers that have the option.
fn limiting() -> impl Iterator<Item = &'static Etcd> {
    servers::all().into_iter().filter(|etcd| {
        let version = etcd.version();
        match version.line() {
            (3, 4) => version.patch >= 23,
            (3, 5) => version.patch >= 8,
            line => line > (3, 5),
        }
    })
}

/// So many configurations over one client begin at once and are current, where a connection carries
/// `limit` streams.
fn all_are_current(etcd: &'static Etcd, limit: usize, count: usize) {
    let server = Server::builder().etcd(etcd).flag("--max-concurrent-streams", &limit.to_string()).start();
    let history = History::of(&server, PREFIX);
    history.put("a", "1");
    let proxy = Proxy::to(&server.address());
    let client = Client::new([proxy.endpoint()]).expect("a client");
    let start = Instant::now();
    let options = || Flat::options().startup_timeout(Duration::from_secs(30));
    let lives: Vec<Live<Flat>> = thread::scope(|scope| {
        let begin = |_| scope.spawn(|| options().watch(&client).expect("a first snapshot"));
        let starts: Vec<_> = (0..count).map(begin).collect();
        starts.into_iter().map(|live| live.join().expect("no panic")).collect()
    });
    let witnesses = Witness::of_all(&lives);
    for witness in &witnesses {
        witness.watches(Duration::from_secs(40).saturating_sub(start.elapsed()));
    }
    for n in 0..3 {
        history.put("a", &n.to_string());
        for witness in &witnesses {
            witness.converges(&history, Duration::from_secs(3));
        }
    }
    for live in &lives {
        assert_eq!(live.status().counters.losses, 0, "nothing was lost: {}", live.status());
    }
    // One for calls, at most as many as are needed for streams, and some that were begun meanwhile.
    let enough = u64::try_from(3 * count.div_ceil(limit - 1) + 12).expect("a few");
    assert!(proxy.connections() <= enough, "{} connections for {count} streams", proxy.connections());
}

#[test]
fn more_configurations_than_a_connection_carries_streams_are_all_current() {
    for etcd in limiting() {
        all_are_current(etcd, 8, 40);
    }
}

#[test]
fn what_most_proxies_allow_is_never_asked_for_more() {
    all_are_current(limiting().last().expect("a server with the option"), 128, 150);
}
