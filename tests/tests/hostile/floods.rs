//! Endless talk.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::{Prefix, Store, v2};
use etcd_config_tests::block_on;
use etcd_config_tests::hostile::{Frame, Header, Hostile, Replies};

use crate::{Footprint, LITTLE, SOON, client, comes_to_two, options};

#[test]
fn answers_that_are_only_announced() {
    let flood = Hostile::new(|_| Some(Replies::informational()));
    let footprint = Footprint::new();
    let start = Instant::now();
    let error = block_on(client(&[&flood]).list(&Prefix::new("/app"))).expect_err("no answer");
    assert!(error.to_string().contains(&flood.endpoint()), "{error}");
    assert!(flood.informed() > 100, "only {}", flood.informed());
    let honest = Hostile::honest();
    for _ in 0..2 {
        comes_to_two(&options().watch(client(&[&flood, &honest])).expect("a first snapshot"));
    }
    assert!(start.elapsed() < 2 * SOON, "{:?}", start.elapsed());
    assert!(footprint.peak() < LITTLE, "{} MB", footprint.peak() >> 20);
}

#[test]
fn answers_that_are_only_announced_over_v2() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut client = client;
                let _ = client.read(&mut [0; 4096]);
                let hints = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".repeat(100);
                while client.write_all(&hints).is_ok() {
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
    });
    let footprint = Footprint::new();
    let start = Instant::now();
    let client =
        v2::Client::builder().endpoints([format!("http://{address}")]).timeout(Duration::from_secs(2));
    let error =
        block_on(client.build().expect("a client").list(&Prefix::new("/app"))).expect_err("no answer");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(start.elapsed() < 2 * SOON, "{:?}", start.elapsed());
    assert!(footprint.peak() < LITTLE, "{} MB", footprint.peak() >> 20);
}

/// One that is always alive is followed; it does not keep others from the thread, or pile up.
#[test]
fn progress_without_end() {
    let progress = Frame::progress(Header::at(5)).encode();
    let flood = Hostile::new(move |call| {
        let created = Frame::created(Header::at(5)).encode();
        (call.method == "Watch").then(|| Replies::of([created]).and_for_ever(progress.clone()))
    });
    let footprint = Footprint::new();
    let loud = options().watch(client(&[&flood])).expect("a first snapshot");
    let honest = Hostile::honest();
    let live = options().watch(client(&[&honest])).expect("a first snapshot");
    comes_to_two(&live);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(loud.load().all["a"], "1");
    assert!(footprint.peak() < LITTLE, "{} MB", footprint.peak() >> 20);
}
