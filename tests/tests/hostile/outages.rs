//! How often an outage is knocked at.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use etcd_client_core::v3::Client;
use etcd_config::Live;
use etcd_config_tests::Flat;
use etcd_config_tests::hostile::{Hostile, Replies};

use crate::{client, comes_to_two, options};

#[test]
fn experiment() {
    // hang up
    let count = Arc::new(AtomicUsize::new(0));
    let mut endpoints = vec![];
    for _ in 0..3 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        endpoints.push(format!("http://{}", listener.local_addr().unwrap()));
        let count = count.clone();
        thread::spawn(move || {
            for c in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                drop(c);
            }
        });
    }
    let c = Client::builder().endpoints(&endpoints).timeout(Duration::from_secs(2)).build().unwrap();
    let handle = thread::spawn(move || {
        let _ = options().startup_timeout(Duration::from_secs(30)).watch(c).map(drop);
    });
    for s in 0..30 {
        thread::sleep(Duration::from_secs(1));
        eprintln!("hang up: {s} s: {} connections", count.load(Ordering::SeqCst));
    }
    handle.join().unwrap();
    for (what, code, message) in [("unavailable", 14, "x"), ("no leader", 14, "etcdserver: no leader"), ("denied", 7, "etcdserver: permission denied"), ("server", 2, "oops"), ("too many", 8, "etcdserver: too many requests"), ("unauth", 16, "etcdserver: invalid auth token")] {
        let from = Arc::new(AtomicUsize::new(0));
        let up = from.clone();
        let servers: Vec<_> = (0..3).map(|_| { let up = up.clone(); Hostile::new(move |_| (up.load(Ordering::SeqCst) == 1).then(|| Replies::status(code, message))) }).collect();
        let refs: Vec<_> = servers.iter().collect();
        let live: Live<Flat> = options().watch(client(&refs)).unwrap();
        comes_to_two(&live);
        let before = |m: &str| servers.iter().map(|s| s.count(m)).sum::<usize>();
        let (r, w, s) = (before("Range"), before("Watch"), before("Status"));
        from.store(1, Ordering::SeqCst);
        // the streams are still good; end them by new ones
        drop(live);
        let c = client(&refs);
        let handle = thread::spawn(move || {
            let _ = options().startup_timeout(Duration::from_secs(10)).watch(c).map(drop);
        });
        handle.join().unwrap();
        eprintln!("{what}: 10 s: {} ranges {} watches {} status", before("Range") - r, before("Watch") - w, before("Status") - s);
        // only watches refused
        let servers: Vec<_> = (0..3).map(|_| Hostile::new(move |call| (call.method == "Watch").then(|| Replies::status(code, message)))).collect();
        let refs: Vec<_> = servers.iter().collect();
        let live: Live<Flat> = options().watch(client(&refs)).unwrap();
        thread::sleep(Duration::from_secs(10));
        let before = |m: &str| servers.iter().map(|s| s.count(m)).sum::<usize>();
        eprintln!("{what}: watch only: 10 s: {} ranges {} watches {} status; {}", before("Range"), before("Watch"), before("Status"), live.status());
    }
}
