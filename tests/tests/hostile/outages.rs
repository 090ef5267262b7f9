//! How often those are knocked at who are there and do not serve.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_config_tests::hostile::{Call, Hostile, Replies};

use crate::{SOON, client, comes_to_two, options};

const OBSERVED: Duration = Duration::from_secs(4);
/// Rounds within that time: some at once, then one each half of the outage.
const MOST_ROUNDS: usize = 15;

#[test]
fn those_who_hang_up() {
    let connections = Arc::new(AtomicUsize::new(0));
    let listen = |_| {
        let (listener, connections) =
            (TcpListener::bind("127.0.0.1:0").expect("a port"), connections.clone());
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            for client in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                drop(client);
            }
        });
        format!("http://{address}")
    };
    let client = Client::new((0..3).map(listen)).expect("a client");
    options().startup_timeout(OBSERVED).watch(client).expect_err("nobody serves");
    // The first time each is asked in HTTP/1.1, too, and with TLS.
    let made = connections.load(Ordering::SeqCst);
    assert!(made <= 3 * (MOST_ROUNDS + 2), "{made} connections in {OBSERVED:?}");
}

#[test]
fn those_who_refuse() {
    let refusals =
        [(14, "x"), (14, "etcdserver: no leader"), (8, "etcdserver: too many requests"), (2, "oops")];
    for (code, message) in refusals {
        for watches_only in [false, true] {
            let trick = move |call: &Call| {
                (!watches_only || call.method == "Watch").then(|| Replies::status(code, message))
            };
            let servers = [0; 3].map(|_| Hostile::new(trick));
            let start = Instant::now();
            let live = options().startup_timeout(OBSERVED).watch(client(&servers.each_ref()));
            thread::sleep(OBSERVED.saturating_sub(start.elapsed()));
            drop(live);
            let asked = |method| servers.iter().map(|server| server.count(method)).sum::<usize>();
            let calls = asked("Range") + asked("Watch");
            assert!(calls <= 3 * MOST_ROUNDS, "{message}: {calls} calls in {OBSERVED:?}");
        }
    }
}

/// Whether progress can be believed is worth asking, and not worth waiting for.
#[test]
fn a_server_that_does_not_say_what_it_is() {
    let silent = Hostile::new(|call| (call.method == "Status").then(|| Replies::of([]).and_silence()));
    let client = Client::builder().endpoints([silent.endpoint()]).timeout(SOON).build().expect("a client");
    let start = Instant::now();
    comes_to_two(&options().watch(client).expect("a first snapshot"));
    assert!(start.elapsed() < SOON / 2, "{:?}", start.elapsed());
}
