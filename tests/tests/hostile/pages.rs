//! Lies in listings.

use std::time::Instant;

use bytes::Bytes;
use etcd_client_core::{Kind, Prefix, Store};
use etcd_config_tests::block_on;
use etcd_config_tests::hostile::{Call, Header, Hostile, Kv, Page, Replies, empty_elements};

use crate::{Footprint, LITTLE, SOON, client, comes_to_two, options};

/// As often as it takes for each endpoint to be the first once.
const STARTS: usize = 4;

fn kv(name: &str, revision: i64) -> Kv {
    Kv::new(&format!("/app/all/{name}"), "1", revision)
}

fn listing(page: impl Fn(&Call) -> Bytes + Send + Sync + 'static) -> Hostile {
    Hostile::new(move |call| (call.method == "Range").then(|| Replies::of([page(call)])))
}

/// Each listing by the server alone fails and names it; beside an honest one it is passed over.
#[track_caller]
fn is_an_error_of_that_endpoint(liar: &Hostile, words: &str) {
    let footprint = Footprint::new();
    let start = Instant::now();
    let alone = block_on(client(&[liar]).list(&Prefix::new("/app")));
    let error = alone.expect_err("a lie");
    let text = error.to_string();
    assert_eq!(error.kind(), Kind::Protocol, "{text}");
    assert!(text.contains(words) && text.contains(&liar.endpoint()), "{text}");
    assert!(text.len() < 1_000, "{} bytes: {text:.1000}", text.len());
    let honest = Hostile::honest();
    for _ in 0..STARTS {
        comes_to_two(&options().watch(client(&[liar, &honest])).expect("a first snapshot"));
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert!(footprint.peak() < LITTLE, "{} MB", footprint.peak() >> 20);
}

#[test]
fn the_same_page_again_and_again() {
    let liar = listing(|_| {
        Page::of(Header::at(5), (0..500).map(|n| kv(&format!("{n:03}"), 5))).with_more(9_999).encode()
    });
    is_an_error_of_that_endpoint(&liar, "outside of what was asked for");
}

#[test]
fn an_empty_page_that_is_followed_by_more() {
    let liar = listing(|_| Page::of(Header::at(5), []).with_more(5).encode());
    is_an_error_of_that_endpoint(&liar, "an empty page that is not the last");
}

#[test]
fn an_empty_page_in_the_middle() {
    let liar = listing(|call| {
        let kvs = if call.nth % 2 == 0 { vec![kv("a", 5)] } else { vec![] };
        Page::of(Header::at(5), kvs).with_more(5).encode()
    });
    is_an_error_of_that_endpoint(&liar, "an empty page that is not the last");
}

#[test]
fn keys_of_somebody_else() {
    for key in ["/other", "/app0", "/app", "", "/app/"] {
        let liar = listing(move |_| Page::of(Header::at(5), [Kv::new(key, "1", 5)]).encode());
        if key == "/app/" {
            continue; // the directory itself is a key that may be there
        }
        is_an_error_of_that_endpoint(&liar, "outside of what was asked for");
    }
}

#[test]
fn keys_in_no_order_or_twice() {
    for names in [["b", "a"], ["a", "a"]] {
        let liar = listing(move |_| Page::of(Header::at(5), names.map(|name| kv(name, 5))).encode());
        is_an_error_of_that_endpoint(&liar, "in no order");
    }
}

#[test]
fn more_keys_than_were_asked_for() {
    let liar = listing(|_| Page::of(Header::at(5), (0..1_001).map(|n| kv(&format!("{n:04}"), 5))).encode());
    is_an_error_of_that_endpoint(&liar, "more than were asked for");
}

#[test]
fn revisions_that_cannot_be() {
    for revision in [i64::MAX, 0, -1, i64::MIN] {
        let liar = listing(move |_| Page::of(Header::at(revision), [kv("a", 1)]).encode());
        is_an_error_of_that_endpoint(&liar, "revision");
    }
    // A key that was written later than the store has come to, or never.
    for revision in [6, i64::MAX, 0, -1] {
        let liar = listing(move |_| Page::of(Header::at(5), [kv("a", revision)]).encode());
        is_an_error_of_that_endpoint(&liar, "revision");
    }
}

#[test]
fn counts_that_cannot_be() {
    for count in [0, -1, i64::MIN] {
        let liar = listing(move |_| Page::of(Header::at(5), [kv("a", 5)]).with_more(count).encode());
        is_an_error_of_that_endpoint(&liar, "keys of");
    }
}

/// Fewer keys than there are would count as all of them.
#[test]
fn a_last_page_that_leaves_keys_out() {
    let liar = listing(|_| Page::of(Header::at(5), [kv("a", 5)]).with_count(2).encode());
    is_an_error_of_that_endpoint(&liar, "1 keys of 2, and no more");
    let liar = listing(|_| Page::of(Header::at(5), [kv("a", 5)]).with_more(1).encode());
    is_an_error_of_that_endpoint(&liar, "1 keys of 1, with more to follow");
}

/// Pages are of one revision.
#[test]
fn a_page_of_a_store_that_has_not_come_to_its_revision() {
    let liar = listing(|call| {
        let (revision, name) = if call.nth % 2 == 0 { (5, "a") } else { (4, "b") };
        let page = Page::of(Header::at(revision), [kv(name, revision)]);
        if call.nth % 2 == 0 { page.with_more(2) } else { page }.encode()
    });
    is_an_error_of_that_endpoint(&liar, "the state of revision 5 in a store at revision 4");
}

#[test]
fn what_was_written_before_what_was_asked_for() {
    let liar = listing(|_| Page::of(Header::at(9), [kv("a", 3)]).encode());
    let (honest, prefix) = (Hostile::honest(), Prefix::new("/app"));
    let error = block_on(client(&[&liar]).written_since(&prefix, 5)).expect_err("a lie");
    assert_eq!(error.kind(), Kind::Protocol, "{error}");
    assert!(error.to_string().contains("a key of revision 3, and not of 5"), "{error}");
    for _ in 0..STARTS {
        let delta = block_on(client(&[&liar, &honest]).written_since(&prefix, 5)).expect("an honest answer");
        assert_eq!((delta.entries.len(), delta.count), (1, 1));
    }
}

/// A count is no reason to make room.
#[test]
fn a_count_of_more_keys_than_there_are_costs_nothing() {
    let liar = Hostile::new(|call| {
        let page = Page::of(Header::at(5), [kv("a", 5)]).with_more(i64::MAX);
        (call.method == "Range").then(|| Replies::of([page.encode()]))
    });
    let footprint = Footprint::new();
    let _ = block_on(client(&[&liar]).list(&Prefix::new("/app")));
    assert!(footprint.peak() < LITTLE, "{} MB", footprint.peak() >> 20);
}

#[test]
fn elements_of_nothing() {
    let nothing = empty_elements(Header::at(5), 2, 24 << 20);
    let liar = listing(move |_| nothing.clone());
    is_an_error_of_that_endpoint(&liar, "more than were asked for");
}

/// Where everything is asked for at once, the size of the answer is the only bound.
#[test]
fn elements_of_nothing_in_answer_to_a_call() {
    let nothing = empty_elements(Header::at(5), 2, 24 << 20);
    let liar = listing(move |_| nothing.clone());
    let footprint = Footprint::new();
    let error = block_on(async { client(&[&liar]).get("/app/").prefix().await }).expect_err("a lie");
    assert_eq!(error.kind(), Kind::Protocol, "{error}");
    assert!(footprint.peak() < LITTLE, "{} MB", footprint.peak() >> 20);
}
