//! Servers that answer what cannot be, and what an error shows of it.

use std::error::Error as _;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use etcd_client_core::v2::{Client, Event};
use etcd_client_core::{Error, Kind, Prefix, Store};
use etcd_config_tests::{Reply, Scripted, block_on, soon};
use tokio::time::timeout;

const SECRET: &str = "hunter2";

/// A tree at index 9 in whose directory lies what is given.
fn tree(nodes: &str) -> String {
    format!(
        r#"{{"action":"get","node":{{"key":"/app","dir":true,"nodes":[{nodes}],"modifiedIndex":3,"createdIndex":3}}}}"#
    )
}

fn leaf(key: &str, index: &str) -> String {
    format!(r#"{{"key":"{key}","value":"{SECRET}","modifiedIndex":{index},"createdIndex":3}}"#)
}

/// Everything that an error shows of itself and of what it comes from.
fn shown(error: &Error) -> String {
    let mut shown = format!("{error}\n{error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(shown, "\n{cause}\n{cause:?}");
        source = cause.source();
    }
    shown
}

/// Keys below one another, so many.
fn nested(depth: usize) -> String {
    let mut inner = leaf(&"/app".repeat(depth + 1), "5");
    for depth in (1..depth).rev() {
        let key = "/app".repeat(depth + 1);
        inner =
            format!(r#"{{"key":"{key}","dir":true,"nodes":[{inner}],"modifiedIndex":5,"createdIndex":5}}"#);
    }
    tree(&inner)
}

#[test]
fn an_answer_that_cannot_be_read_is_not_shown() {
    let good = tree(&leaf("/app/password", "5"));
    let unread = [
        nested(70),
        good.replace(&format!(r#""{SECRET}""#), &format!(r#"["{SECRET}"]"#)),
        good.replace(r#""modifiedIndex":5"#, &format!(r#""modifiedIndex":"{SECRET}""#)),
        good.replace(r#""action":"get","#, ""),
        good[..good.len() - 4].to_owned(),
        format!("<html>{good}"),
    ];
    let replies = unread.into_iter().map(|body| Reply::new(200, body).etcd("a", 9));
    let without_index = Reply::new(200, good).header("Content-Type", "application/json");
    for reply in replies.chain([without_index]) {
        let server = Scripted::always(reply.clone());
        let client = Client::builder().endpoints([server.endpoint()]).max_retries(0).build().unwrap();
        block_on(async {
            let listed = client.list(&Prefix::new("/app")).await.unwrap_err();
            let watched = client.watch("app").recursive(true).await.unwrap_err();
            let set = client.set("app/password", SECRET).await;
            let mut stream = client.watcher("app").recursive(true).start();
            let Some(Event::Error(followed)) = soon(stream.next()).await else {
                panic!("something else than an error: {reply:?}");
            };
            let errors = [Some(listed), Some(watched), Some(followed), set.err()];
            for error in errors.iter().flatten() {
                assert_eq!(error.kind(), Kind::Protocol, "{error}");
                assert!(!shown(error).contains(SECRET), "{}", shown(error));
                assert!(error.to_string().contains(&server.endpoint()), "{error}");
            }
        });
    }
}

#[test]
fn what_a_server_says_in_an_error_is_shown_short_and_without_what_a_terminal_obeys() {
    let long = "x".repeat(3_000_000);
    let escape = "\u{1b}[2J\u{202e}";
    let bodies = [
        format!("{escape}{long}"),
        format!(r#"{{"errorCode":300,"message":"{long}","cause":"\u001b[2J\nforged","index":7}}"#),
        format!(
            r#"{{"errorCode":105,"message":"\u001b[2J","cause":"\u001b[2J{}","index":7}}"#,
            &long[..9_000]
        ),
        r#"{"errorCode":101,"message":"Compare failed","cause":"[hunter2 != hunter2]","index":7}"#.to_owned(),
    ];
    for body in bodies {
        let server = Scripted::always(Reply::new(400, body));
        let client = Client::builder().endpoints([server.endpoint()]).max_retries(0).build().unwrap();
        let error = block_on(client.get("k").into_future()).unwrap_err();
        let shown = shown(&error);
        assert!(shown.len() < 5_000, "{} bytes", shown.len());
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown:?}");
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[test]
fn a_listing_that_cannot_be_is_its_endpoints_error() {
    let bodies = [
        ("another directory", tree("").replace("/app", "/other")),
        ("a key outside", tree(&leaf("/other/k", "5"))),
        ("a key that begins alike", tree(&leaf("/apple", "5"))),
        ("a key deeper than its directory", tree(&leaf("/app/a/b", "5"))),
        ("the directory in itself", tree(&leaf("/app", "5"))),
        ("an index to come", tree(&leaf("/app/a", "10"))),
        ("the largest index", tree(&leaf("/app/a", "18446744073709551615"))),
        ("no index", tree(&leaf("/app/a", "0"))),
        ("made after it was changed", tree(&leaf("/app/a", "2"))),
        ("no node", r#"{"action":"get"}"#.to_owned()),
    ];
    let replies = bodies.map(|(lie, body)| (lie, Reply::new(200, body).etcd("a", 9)));
    let largest = ("a store at the largest index", Reply::new(200, tree("")).etcd("a", u64::MAX));
    for (lie, reply) in replies.into_iter().chain([largest]) {
        let liar = Scripted::always(reply);
        let good = Scripted::always(Reply::new(200, tree(&leaf("/app/k", "5"))).etcd("a", 9));
        block_on(async {
            let prefix = Prefix::new("/app");
            let error = Client::new([liar.endpoint()]).unwrap().list(&prefix).await.expect_err(lie);
            assert_eq!(error.kind(), Kind::Protocol, "{lie}: {error}");
            assert!(!shown(&error).contains(SECRET), "{lie}: {error:?}");
            for _ in 0..4 {
                let client = Client::new([liar.endpoint(), good.endpoint()]).unwrap();
                let listing = client.list(&prefix).await.expect(lie);
                assert_eq!((listing.revision, listing.entries.len()), (9, 1), "{lie}");
            }
        });
    }
}

/// The index at which a poll is registered never comes to the change that it brings.
#[test]
fn a_change_that_is_always_to_come_is_delivered_and_does_not_spin() {
    let node = r#"{"key":"/k","value":"v","modifiedIndex":50,"createdIndex":50}"#;
    let body = format!(r#"{{"action":"set","node":{node}}}"#);
    let server = Scripted::always(Reply::new(200, body).etcd("a", 9));
    block_on(async {
        let mut watcher = Client::new([server.endpoint()]).unwrap().watcher("k").start();
        let event = timeout(Duration::from_secs(5), watcher.next()).await.expect("an event");
        assert!(matches!(&event, Some(Event::Change(change)) if change.value() == Some("v")), "{event:?}");
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1) {
            let event = timeout(Duration::from_millis(100), watcher.next()).await;
            assert!(!matches!(event, Ok(Some(Event::Change(_)))), "{event:?}");
        }
        assert!(server.count() < 20, "{} requests", server.count());
    });
}

/// Nothing would be newer than that, ever.
#[test]
fn an_absence_at_an_index_that_no_store_comes_to_is_its_endpoints_error() {
    let absent = r#"{"errorCode":100,"message":"Key not found","cause":"/app","index":18446744073709551615}"#;
    let cleared = r#"{"errorCode":401,"message":"cleared","cause":"the history [8/1]","index":1007}"#;
    let replies = [
        ("an error", Reply::new(404, absent).etcd("a", 9)),
        ("no node", Reply::new(200, r#"{"action":"get"}"#).etcd("a", u64::MAX)),
        ("no node at an index", Reply::new(200, r#"{"action":"get"}"#).etcd("a", 9)),
    ];
    for (lie, reply) in replies {
        let liar = Scripted::new(move |asked| {
            let waits = asked.target.contains("wait=true");
            if waits { Reply::new(400, cleared).etcd("a", 1_007) } else { reply.clone() }
        });
        let good = Scripted::always(Reply::new(200, tree(&leaf("/app/k", "5"))).etcd("a", 9));
        block_on(async {
            let client = Client::new([liar.endpoint()]).unwrap();
            let error = client.list(&Prefix::new("/app")).await.expect_err(lie);
            assert!(
                error.kind() != Kind::NotFound && error.to_string().contains(&liar.endpoint()),
                "{error}"
            );
            let mut watcher = client.watcher("app").index(3).start();
            match soon(watcher.next()).await {
                Some(Event::Error(_)) => assert_eq!(watcher.index(), Some(2), "{lie}"),
                event => panic!("{lie}: {event:?}"),
            }
            for _ in 0..4 {
                let client = Client::new([liar.endpoint(), good.endpoint()]).unwrap();
                assert_eq!(client.list(&Prefix::new("/app")).await.expect(lie).revision, 9, "{lie}");
            }
        });
    }
}

/// Each would otherwise take sixty times the memory of its bytes.
#[test]
fn an_answer_of_empty_nodes_is_read_no_further_than_the_first() {
    let server = Scripted::always(Reply::new(200, tree(&vec!["{}"; 10_000_000].join(","))).etcd("a", 9));
    let client = Client::new([server.endpoint()]).unwrap();
    let error = block_on(client.list(&Prefix::new("/app"))).unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol, "{error}");
    assert!(error.to_string().contains("line 1, column"), "{error}");
}

/// Changes that nobody asked for, as fast as they are asked for; or of an index that no store comes to.
#[test]
fn changes_that_cannot_be_end_a_watch_and_do_not_spin() {
    let node = |key: &str, index: u64| {
        format!(
            r#"{{"action":"set","node":{{"key":"{key}","value":"{SECRET}","modifiedIndex":{index},"createdIndex":{index}}}}}"#
        )
    };
    for (key, index) in [("/other", 6), ("/k2", 6), ("/k", u64::MAX), ("/k", 5), ("/k", 0)] {
        let server = Scripted::always(Reply::new(200, node(key, index)).etcd("a", 5));
        block_on(async {
            let client = Client::builder().endpoints([server.endpoint()]).max_retries(1).build().unwrap();
            let ended = timeout(Duration::from_secs(10), client.watch("k").into_future()).await;
            let error = ended.expect("an end").expect_err("no change");
            assert_eq!(error.kind(), Kind::Protocol, "{key} at {index}: {error}");
            let (asked, start) = (server.count(), Instant::now());
            let mut watcher = client.watcher("k").start();
            while start.elapsed() < Duration::from_secs(1) {
                match timeout(Duration::from_secs(1), watcher.next()).await {
                    Ok(Some(Event::Error(error))) => assert!(!shown(&error).contains(SECRET), "{error:?}"),
                    Ok(event) => panic!("{event:?} of {key} at {index}"),
                    Err(_) => {}
                }
            }
            assert!(server.count() - asked < 10, "{} requests", server.count() - asked);
        });
    }
}
