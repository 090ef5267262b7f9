//! Redirections, which come from proxies and from servers older than etcd 2.

use etcd_client_core::Kind;
use etcd_client_core::v2::{Client, Refusal};
use etcd_config_tests::{Reply, Scripted, block_on};

const NODE: &str = r#"{"action":"get","node":{"key":"/k","value":"v","modifiedIndex":7,"createdIndex":7}}"#;

fn moved(status: u16, to: impl Into<String>) -> Reply {
    Reply::new(status, "<a>moved</a>").header("Location", to)
}

#[test]
fn a_read_follows_every_redirection() {
    for status in [301, 302, 303, 307, 308] {
        let target = Scripted::always(Reply::new(200, NODE).etcd("a", 7));
        let elsewhere = target.endpoint() + "/final";
        let first = Scripted::new(move |_| moved(status, &elsewhere));
        block_on(async {
            let builder = Client::builder().endpoints([first.endpoint()]);
            let client = builder.user("root", "hunter2").build().unwrap();
            assert_eq!(client.get("k").await.unwrap().value(), Some("v"), "{status}");
            let asked = &target.asked()[0];
            assert_eq!((asked.method.as_str(), asked.target.as_str()), ("GET", "/final"));
            assert_eq!(asked.header("authorization"), None, "sent to another origin");
            assert!(first.asked()[0].header("authorization").is_some());
        });
    }
}

/// A browser makes a GET of them: the write would look as if it had been done.
#[test]
fn a_write_says_where_it_was_sent() {
    for status in [301, 302, 303] {
        let target = Scripted::always(Reply::new(200, NODE).etcd("a", 7));
        let elsewhere = target.endpoint().replace("//", "//root:hunter2@") + "/final?prevValue=hunter2#x";
        let first = Scripted::new(move |_| moved(status, &elsewhere));
        block_on(async {
            let client = Client::builder().endpoints([first.endpoint()]).max_retries(0).build().unwrap();
            for outcome in [
                client.set("k", "hunter2").await,
                client.delete("k").await,
                client.mkdir("k").await,
                client.create_in_order("k", "hunter2").await,
            ] {
                let error = outcome.unwrap_err();
                let text = error.to_string();
                let says = format!("HTTP {status}: redirected to {}/final", target.endpoint());
                assert!(text.contains(&says) && text.contains(&first.endpoint()), "{text}");
                assert!(!text.contains("hunter2"), "{text}");
                assert_eq!(Refusal::of(&error).map(Refusal::status), Some(status), "{error:?}");
                // 303 is what a server answers that has done it.
                assert_eq!(error.maybe_applied(), status == 303, "{text}");
            }
            assert_eq!(target.count(), 0);
        });
    }
}

#[test]
fn ten_redirections_are_followed_and_no_more() {
    let chain = Scripted::new(|asked| {
        let at: u32 = asked.target.strip_prefix("/at/").map_or(0, |at| at.parse().unwrap());
        if at == 10 { Reply::new(200, NODE).etcd("a", 7) } else { moved(302, format!("/at/{}", at + 1)) }
    });
    let circle = Scripted::always(moved(302, "/again"));
    block_on(async {
        assert!(Client::new([chain.endpoint()]).unwrap().get("k").await.is_ok());
        assert_eq!(chain.count(), 11);
        let error = Client::new([circle.endpoint()]).unwrap().get("k").await.unwrap_err();
        assert!(error.to_string().contains("redirected more than 10 times"), "{error}");
        assert_eq!((circle.count(), error.kind()), (11, Kind::Protocol));
    });
}

#[test]
fn a_redirection_to_nowhere_says_so() {
    let nowhere = Scripted::always(Reply::new(302, ""));
    let bad = Scripted::always(moved(302, "ftp://host/x"));
    block_on(async {
        for (server, says) in [(nowhere, "HTTP 302"), (bad, "ftp")] {
            let client = Client::new([server.endpoint()]).unwrap();
            for outcome in [client.get("k").await, client.set("k", "v").await] {
                let text = outcome.unwrap_err().to_string();
                assert!(text.contains(says), "{text}");
            }
        }
    });
}
