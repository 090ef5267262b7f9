//! Endpoints that refuse what an etcd does not refuse, or end what an etcd does not end.

use std::time::{Duration, Instant};

use bytes::Bytes;
use etcd_client_core::v3::Client;
use etcd_client_core::{LeaseId, Prefix, Store};
use etcd_config_tests::hostile::{Frame, Header, Hostile, Kv, Manners, Page, Replies};
use etcd_config_tests::{block_on, until_live};

use crate::{Footprint, LITTLE, SOON, client, comes_to_two, options};

const COMPACTED: &str = "etcdserver: mvcc: required revision has been compacted";
const FUTURE: &str = "etcdserver: mvcc: required revision is a future revision";

/// One that answers this method so.
fn on(method: &'static str, replies: impl Fn() -> Replies + Send + Sync + 'static) -> Hostile {
    Hostile::new(move |call| (call.method == method).then(&replies))
}

fn page() -> Bytes {
    Page::of(Header::at(5), [Kv::new("/app/all/a", "1", 5)]).encode()
}

fn created() -> Bytes {
    Frame::created(Header::at(5)).encode()
}

/// Beside an honest one it costs little time and memory, and few calls; alone it costs few calls.
#[track_caller]
fn is_passed_over(what: &str, liar: &Hostile) {
    let honest = Hostile::honest();
    let footprint = Footprint::new();
    let mut asked = 0;
    let start = Instant::now();
    while asked < 2 {
        let before = liar.connections();
        let live =
            options().watch(client(&[liar, &honest])).unwrap_or_else(|error| panic!("{what}: {error}"));
        comes_to_two(&live);
        asked += u64::from(liar.connections() > before);
        assert!(liar.connections() - before < 20, "{what}: {} connections", liar.connections() - before);
        assert!(start.elapsed() < 3 * SOON, "{what}: {:?}", start.elapsed());
    }
    assert!(footprint.peak() < LITTLE, "{what}: {} MB", footprint.peak() >> 20);
}

#[test]
fn everything_is_said_to_be_compacted() {
    for revision in [1, 6, 7, i64::MAX] {
        let liar = on("Watch", move || {
            Replies::of([created(), Frame::compacted(Header::at(5), revision).encode()]).and_silence()
        });
        is_passed_over(&format!("created, compacted at {revision}"), &liar);
        let liar = on("Watch", move || {
            Replies::of([Frame::compacted(Header::at(5), revision).and_created().encode()]).and_silence()
        });
        is_passed_over(&format!("compacted at {revision}"), &liar);
        let liar = on("Watch", move || {
            let progress = Frame::progress(Header::at(5)).encode();
            Replies::of([created(), progress, Frame::compacted(Header::at(5), revision).encode()])
                .and_silence()
        });
        is_passed_over(&format!("progress, compacted at {revision}"), &liar);
        let liar = on("Watch", move || {
            let reason = Frame::cancelled(Header::at(5), COMPACTED).encode();
            Replies::of([created(), reason]).and_silence()
        });
        is_passed_over("compacted in words", &liar);
    }
    is_passed_over("a listing", &on("Range", || Replies::status(11, COMPACTED)));
    is_passed_over("a watch", &on("Watch", || Replies::status(11, COMPACTED)));
}

#[test]
fn everything_is_said_to_be_in_the_future() {
    is_passed_over("a listing", &on("Range", || Replies::status(11, FUTURE)));
    is_passed_over("a watch", &on("Watch", || Replies::status(11, FUTURE)));
    let liar = on("Watch", || {
        Replies::of([created(), Frame::cancelled(Header::at(5), FUTURE).encode()]).and_silence()
    });
    is_passed_over("created, and the future", &liar);
}

#[test]
fn answers_without_end() {
    is_passed_over("the same answer", &on("Range", || Replies::of([page()]).and_for_ever(page())));
    is_passed_over("two answers", &on("Range", || Replies::of([page(), page()])));
    is_passed_over("and silence", &on("Range", || Replies::of([page()]).and_silence()));
    let nothing = || Replies::of([page()]).and_for_ever(Bytes::new());
    is_passed_over("and messages of nothing", &on("Range", nothing));
    let liar = on("Range", || Replies::of([page()]).and_for_ever(Bytes::new()));
    let start = Instant::now();
    let error = block_on(client(&[&liar]).list(&Prefix::new("/app"))).expect_err("no end");
    assert!(error.to_string().contains(&liar.endpoint()), "{error}");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn another_cluster_half_way() {
    let liar = on("Watch", || {
        let other = Frame::of(Header::at(6).of_cluster(9), [Kv::new("/app/all/a", "9", 6)]);
        Replies::of([created(), other.encode()]).to_requests(Frame::progress(Header::at(5)).encode())
    });
    is_passed_over("another cluster", &liar);
    let alone = options().watch(client(&[&liar])).expect("a first snapshot");
    until_live(&alone, SOON, "eight watches", |alone| {
        assert_eq!(alone.load().all["a"], "1", "{}", alone.status());
        liar.count("Watch") >= 8
    });
}

#[test]
fn events_that_are_none() {
    let event = |event: &'static [u8]| {
        move || {
            let frame = Frame::of(Header::at(6), []).with_event(event);
            Replies::of([created(), frame.encode()]).to_requests(Frame::progress(Header::at(5)).encode())
        }
    };
    is_passed_over("no key", &on("Watch", event(b"\x08\x01")));
    is_passed_over("an unknown type", &on("Watch", event(b"\x08\x07\x12\x0e\x0a\x0a/app/all/a\x18\x06")));
    is_passed_over("no revision", &on("Watch", event(b"\x12\x0c\x0a\x0a/app/all/a")));
    is_passed_over("cut off", &on("Watch", event(b"\x12\x7f\x0a\x0a/app/all/a")));
    let first = || Replies::of([Frame::of(Header::at(6), [Kv::new("/app/all/a", "9", 6)]).encode()]);
    is_passed_over("before the confirmation", &on("Watch", move || first().and_silence()));
    let both = || Replies::of([Frame::cancelled(Header::at(5), "no").and_created().encode()]).and_silence();
    is_passed_over("confirmed and cancelled", &on("Watch", both));
}

#[test]
fn statuses_that_are_none() {
    for method in ["Range", "Watch"] {
        let liar = |what: &str, replies: fn() -> Replies| {
            is_passed_over(&format!("{method}: {what}"), &on(method, replies));
        };
        liar("nothing, and all is well", || Replies::status(0, "").only_trailers());
        liar("nothing, and the end", || Replies::of([]).without_status());
        liar("a status of nobody", || Replies::status(4_000_000, "").only_trailers());
        liar("words that are none", || {
            Replies::default()
                .without_status()
                .trailer("grpc-status", "13")
                .trailer("grpc-message", "%ff%zz%")
        });
        liar("details that are none", || {
            let replies = Replies::default().without_status().trailer("grpc-status", "13");
            replies.trailer("grpc-status-details-bin", "%%%")
        });
        liar("a status in words", || Replies::default().without_status().trailer("grpc-status", "good"));
        liar("huge trailers", || {
            (0..40).fold(Replies::of([]), |replies, n| replies.trailer(&format!("x-{n}"), "y".repeat(8_000)))
        });
        liar("huge headers", || {
            (0..40).fold(Replies::of([]), |replies, n| replies.header(&format!("x-{n}"), "y".repeat(8_000)))
        });
        liar("compressed by nothing", || Replies::raw(&b"\x01\0\0\0\x02\x0a\0"[..]));
        liar("compressed", || Replies::raw(&b"\x01\0\0\0\x02\x0a\0"[..]).header("grpc-encoding", "gzip"));
        liar("an unknown flag", || Replies::raw(&b"\x07\0\0\0\x02\x0a\0"[..]));
        liar("half of a message", || Replies::raw(&b"\0\0\0\0\x09\x0a\0"[..]));
        liar("a message of 4 GB", || Replies::raw(&b"\0\xff\xff\xff\xff\x0a\0"[..]));
        liar("a message of 500 MB that never comes", || {
            Replies::raw(&b"\0\x1d\xff\xff\xff\x0a\0"[..]).and_silence()
        });
        for reason in [0, 1, 2, 7, 8, 11, 13] {
            is_passed_over(
                &format!("{method}: reset {reason}"),
                &on(method, move || Replies::of([]).reset(reason)),
            );
        }
    }
}

#[test]
fn every_second_stream_is_reset() {
    for reason in [2, 7, 8] {
        let liar = Hostile::new(move |call| (call.nth % 2 == 0).then(|| Replies::of([]).reset(reason)));
        let live = options().watch(client(&[&liar])).expect("a first snapshot");
        comes_to_two(&live);
        assert!(liar.connections() < 20, "{} connections", liar.connections());
    }
}

#[test]
fn connections_that_carry_no_stream() {
    let liar = Hostile::with(Manners { streams: Some(0), ..Manners::default() }, |_| None);
    is_passed_over("no streams", &liar);
}

#[test]
fn a_storm_of_farewells() {
    for requests in [1, 2] {
        let manners = Manners { requests: Some(requests), ..Manners::default() };
        let rude = Hostile::with(manners, |_| None);
        is_passed_over(&format!("goes away after {requests}"), &rude);
        let before = rude.connections();
        let alone = options().startup_timeout(Duration::from_secs(3)).watch(client(&[&rude]));
        std::thread::sleep(Duration::from_secs(3));
        let made = rude.connections() - before;
        drop(alone);
        assert!(made < 50, "{made} connections in a few seconds");
    }
}

#[test]
fn a_token_that_cannot_be_sent() {
    let on_authenticate = |replies: fn() -> Replies| on("Authenticate", replies);
    let liar = on_authenticate(|| Replies::of([Bytes::from_static(b"\x12\x03a\nb")]));
    let honest = on_authenticate(|| Replies::status(9, "etcdserver: authentication is not enabled"));
    let start = Instant::now();
    while liar.count("Authenticate") < 2 {
        let endpoints = [liar.endpoint(), honest.endpoint()];
        let client = Client::builder().endpoints(endpoints).user("root", "x").build().expect("a client");
        let listing = block_on(client.list(&Prefix::new("/app"))).expect("the honest one's answer");
        assert_eq!(listing.entries.len(), 1);
        assert!(start.elapsed() < SOON, "it was not asked in {:?}", start.elapsed());
    }
}

/// A proxy may go on holding the stream of a keep-alive when it has answered: the lease is renewed, and the next one is not
/// late.
#[test]
fn a_keep_alive_that_is_answered_and_never_ends() {
    // Of lease 7, for 15 s.
    let kept = Bytes::from_static(&[0x10, 7, 0x18, 15]);
    let hour = Duration::from_secs(3_600);
    let holder =
        on("LeaseKeepAlive", move || Replies::of([kept.clone()]).later(hour, Bytes::from_static(&[0x10, 7])));
    let start = Instant::now();
    let ttl = block_on(client(&[&holder]).keep_lease_alive(LeaseId(7))).expect("it is kept");
    assert_eq!(ttl, Duration::from_secs(15));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}
