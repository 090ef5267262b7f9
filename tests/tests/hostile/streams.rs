//! Lies on watches.

use std::time::{Duration, Instant};

use bytes::Bytes;
use etcd_config_tests::hostile::{Frame, Header, Hostile, Kv, Replies, empty_elements};
use etcd_config_tests::until_found;

use crate::{Footprint, LITTLE, SOON, client, comes_to_two, options};

/// The two begin alike; one then says this.
fn watch(replies: impl Fn() -> Replies + Send + Sync + 'static) -> Hostile {
    Hostile::new(move |call| (call.method == "Watch").then(&replies))
}

fn created_then(frames: impl IntoIterator<Item = Bytes>) -> Replies {
    let created = Frame::created(Header::at(5)).encode();
    Replies::of([created].into_iter().chain(frames)).to_requests(Frame::progress(Header::at(5)).encode())
}

fn put(name: &str, value: &str, revision: i64) -> Kv {
    Kv::new(&format!("/app/all/{name}"), value, revision)
}

/// The watch is left for the honest server, and nothing of it is ever in force.
#[track_caller]
fn is_left(liar: &Hostile, words: &str) {
    let honest = Hostile::honest();
    let footprint = Footprint::new();
    let start = Instant::now();
    let mut lied = 0;
    // Whichever is asked first.
    while lied < 2 {
        let before = liar.count("Watch");
        let live = options().watch(client(&[liar, &honest])).expect("a first snapshot");
        comes_to_two(&live);
        assert_eq!(live.load().all.len(), 1, "{:?}", live.load().all.keys());
        assert_eq!(live.status().endpoint, Some(honest.endpoint()));
        if liar.count("Watch") > before {
            lied += 1;
            assert!(liar.count("Watch") - before <= 3, "{} watches", liar.count("Watch") - before);
        }
        assert!(start.elapsed() < 3 * SOON, "it was not asked in {:?}", start.elapsed());
    }
    let alone = options().watch(client(&[liar])).expect("a first snapshot");
    let said = || alone.status().state.error().map(ToString::to_string).filter(|text| text.contains(words));
    let text = until_found(SOON, said, || alone.status().to_string());
    assert!(text.contains(&liar.endpoint()) && text.len() < 1_000, "{} bytes: {text:.1000}", text.len());
    assert!(footprint.peak() < LITTLE, "{} MB", footprint.peak() >> 20);
    let before = liar.count("Watch");
    std::thread::sleep(Duration::from_millis(500));
    assert!(liar.count("Watch") - before < 20, "no tight loop");
}

#[test]
fn keys_of_somebody_else() {
    let liar = watch(|| created_then([Frame::of(Header::at(6), [Kv::new("/other", "1", 6)]).encode()]));
    is_left(&liar, "outside of what was asked for");
}

#[test]
fn a_fragment_that_nobody_asked_for() {
    let liar = watch(|| {
        created_then([
            Frame::of(Header::at(6), [put("b", "1", 6)]).fragment().encode(),
            Frame::of(Header::at(6), [put("a", "3", 6)]).encode(),
        ])
    });
    is_left(&liar, "half of a revision");
}

#[test]
fn revisions_that_cannot_be() {
    for revision in [i64::MAX, 0, -1] {
        let liar = watch(move || {
            created_then([Frame::of(Header::at(revision), [put("b", "1", revision)]).encode()])
        });
        is_left(&liar, "revision");
    }
    // Later than the store has come to.
    let liar = watch(|| created_then([Frame::of(Header::at(6), [put("b", "1", 9)]).encode()]));
    is_left(&liar, "revision");
}

#[test]
fn progress_that_cannot_be() {
    for revision in [i64::MAX, 0, -1] {
        let liar = watch(move || created_then([Frame::progress(Header::at(revision)).encode()]));
        is_left(&liar, "revision");
    }
}

#[test]
fn a_confirmation_at_a_revision_that_cannot_be() {
    for revision in [i64::MAX, 0, -1] {
        let liar = watch(move || {
            Replies::of([Frame::created(Header::at(revision)).encode()]).to_requests(Bytes::new())
        });
        is_left(&liar, "revision");
    }
}

#[test]
fn another_watch_than_the_one_that_was_opened() {
    let liar = watch(|| created_then([Frame::of(Header::at(6), [put("b", "1", 6)]).of_watch(8).encode()]));
    is_left(&liar, "another watch");
}

#[test]
fn a_second_confirmation() {
    let liar = watch(|| created_then([Frame::created(Header::at(9)).encode()]));
    is_left(&liar, "confirmed twice");
}

/// What it said before, or what it said to have sent: it is read again, and said loudly.
#[test]
fn changes_from_the_past() {
    let past: [fn() -> Replies; 3] = [
        // As the first thing it may be said: a watch is registered before its confirmation is made.
        || {
            let newer = Frame::of(Header::at(6), [put("b", "1", 6)]).encode();
            created_then([newer, Frame::of(Header::at(6), [put("b", "1", 4)]).encode()])
        },
        || {
            let progress = Frame::progress(Header::at(900)).encode();
            created_then([progress, Frame::of(Header::at(901), [put("b", "1", 6)]).encode()])
        },
        || {
            created_then([
                Frame::progress(Header::at(900)).encode(),
                Frame::progress(Header::at(899)).encode(),
            ])
        },
    ];
    for replies in past {
        let (liar, honest) = (watch(replies), Hostile::honest());
        let _alone = Footprint::new();
        let mut asked = 0;
        while asked < 2 {
            let before = liar.count("Watch");
            let live = options().watch(client(&[&liar, &honest])).expect("a first snapshot");
            comes_to_two(&live);
            if liar.count("Watch") > before {
                asked += 1;
                assert!(live.status().last_rewind.is_some(), "{}", live.status());
            }
        }
    }
}

#[test]
fn elements_of_nothing() {
    let nothing = empty_elements(Header::at(6), 11, 24 << 20);
    let liar = watch(move || created_then([nothing.clone()]));
    is_left(&liar, "elements");
}

#[test]
fn a_reason_of_twenty_megabytes() {
    let reason = "\u{1b}[2J".repeat(5 << 20);
    let frame = Frame::cancelled(Header::at(5), &reason).encode();
    let (first, later) = (frame.clone(), frame);
    is_left(&watch(move || created_then([later.clone()])), "the watch was refused");
    is_left(&watch(move || Replies::of([first.clone()]).to_requests(Bytes::new())), "the watch was refused");
}
