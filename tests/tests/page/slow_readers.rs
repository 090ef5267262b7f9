//! Event streams whose readers do not read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use etcd_config_tests::SOON;

use crate::served::Served;

/// What this process has in memory, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1024
}

/// Asks for the events, and reads the head of the answer only.
fn open(served: &Served) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", served.port)).expect("the service accepts");
    stream.set_read_timeout(Some(SOON)).expect("a limit");
    stream.write_all(b"GET /internal/config/events HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("a request");
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("an answer");
        head.push(byte[0]);
    }
    (stream, String::from_utf8_lossy(&head).into_owned())
}

#[test]
fn a_hundred_of_them_cost_a_bounded_memory_and_the_next_one_is_refused() {
    let served = Served::start();
    let mut several = served.store.transaction();
    for n in 0..1_000 {
        several = several.put(format!("/payments/features/{n:0100}"), "true");
    }
    served.settings.wait_for_revision(several.commit(), SOON).expect("it is in force");
    let streams: Vec<_> = (0..100).map(|_| open(&served)).collect();
    assert!(streams.iter().all(|(_, head)| head.starts_with("HTTP/1.1 200 ")), "{}", streams[0].1);
    let (_, refused) = open(&served);
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("retry-after: 10"), "{refused}");

    std::thread::sleep(Duration::from_secs(1));
    let before = resident();
    // Each time some 500 kB for each stream: 500 MB if they were kept.
    for n in 0..10 {
        served.store.put("/payments/database/pool_size", (n + 20).to_string());
        std::thread::sleep(Duration::from_millis(400));
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 100, "{grown} MiB more than {before} MiB");

    // One that goes makes room for another.
    drop(streams);
    etcd_config_tests::until("there is room", || open(&served).1.starts_with("HTTP/1.1 200 "));
}
