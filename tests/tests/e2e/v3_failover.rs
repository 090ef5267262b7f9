//! What the v3 client does when an endpoint does not answer.

use std::time::{Duration, Instant};

use etcd_client_core::Kind;
use etcd_client_core::v3::{Client, ClientBuilder};
use etcd_config_tests::{Answer, Proxy, Server, block_on, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn within(endpoints: &[String]) -> ClientBuilder {
    Client::builder().endpoints(endpoints).timeout(Duration::from_secs(2)).max_retries(0)
}

/// A server with a proxy before it; the proxy is where its trouble comes from.
fn troubled(server: &Server) -> Proxy {
    Proxy::to(&server.address())
}

/// An endpoint where nobody listens.
fn dead() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn dead_endpoints_are_passed_over_and_the_one_that_answers_is_kept() {
    block_on(async {
        let server = Server::start();
        let proxy = troubled(&server);
        for _ in 0..8 {
            let client = within(&[dead(), proxy.endpoint(), dead()]).build().unwrap();
            // Writes, too: where there is no connection, nothing was sent.
            client.put("/k", "v").await.unwrap();
            let start = Instant::now();
            for _ in 0..20 {
                client.get("/k").await.unwrap();
            }
            assert!(start.elapsed() < Duration::from_secs(5));
        }
        assert_eq!(proxy.connections(), 8, "one connection for all calls of a client");
    });
}

#[test]
fn when_all_endpoints_fail_each_is_named_with_its_cause() {
    block_on(async {
        let server = Server::start();
        let (page, silent) = (troubled(&server), troubled(&server));
        page.answer(Answer::html(502, "<html>\n<h1>Bad Gateway</h1></html>"));
        silent.hold(true);
        let dead = dead();
        let client = within(&[dead.clone(), page.endpoint(), silent.endpoint()]).build().unwrap();
        let error = client.get("/k").await.unwrap_err();
        assert_eq!(error.failures().len(), 3);
        for (endpoint, kind, cause) in [
            (dead, Kind::Unavailable, "Connection refused"),
            (
                page.endpoint(),
                Kind::Protocol,
                "HTTP 502 Bad Gateway; is it a proxy that does not reach etcd, or",
            ),
            (silent.endpoint(), Kind::Timeout, "no answer within 2.0"),
        ] {
            let failure = error.failures().iter().find(|failure| failure.endpoint == endpoint).unwrap();
            assert_eq!(failure.error.kind(), kind, "{error}");
            assert!(failure.error.to_string().contains(cause), "{error}");
            assert!(error.to_string().contains(&endpoint), "{error}");
        }
        assert!(!error.maybe_applied() && error.is_transient());
    });
}

#[test]
fn further_rounds_find_a_server_that_comes_back() {
    block_on(async {
        let server = Server::start();
        let proxy = troubled(&server);
        proxy.refuse(true);
        let client = within(&[proxy.endpoint()]).max_retries(8).build().unwrap();
        let get = tokio::spawn(async move { client.get("/k").await });
        tokio::time::sleep(Duration::from_millis(600)).await;
        proxy.accept();
        get.await.unwrap().unwrap();
    });
}

#[test]
fn reads_move_on_from_a_silent_endpoint() {
    block_on(async {
        let server = Server::start();
        let (silent, sound) = (troubled(&server), troubled(&server));
        let client = within(&[silent.endpoint(), sound.endpoint()]).build().unwrap();
        client.get("/k").await.unwrap();
        silent.hold(true);
        let start = Instant::now();
        for _ in 0..10 {
            client.get("/k").await.unwrap();
        }
        assert!(start.elapsed() < Duration::from_secs(6), "it is asked once, not each time");
    });
}

#[test]
fn a_write_whose_answer_is_lost_is_not_sent_again() {
    block_on(async {
        let server = Server::start();
        let (losing, sound) = (troubled(&server), troubled(&server));
        let client = within(&[losing.endpoint()]).max_retries(5).build().unwrap();
        let both = within(&[losing.endpoint(), sound.endpoint()]).max_retries(5).build().unwrap();
        client.get("/k").await.unwrap();
        losing.hold_replies(true);
        let error = client.put("/k", "v").await.unwrap_err();
        assert!(error.maybe_applied() && error.to_string().contains("may have been applied"), "{error}");
        assert!(error.to_string().contains(&losing.endpoint()), "{error}");
        assert_eq!(both.get("/k").await.unwrap().kv().unwrap().version, 1);
        losing.hold_replies(false);

        let cut = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            losing.reset();
        };
        losing.hold_requests(true);
        let (answer, ()) = tokio::join!(client.put("/l", "v"), cut);
        let error = answer.unwrap_err();
        assert!(error.maybe_applied() && error.kind() == Kind::Unavailable, "{error}");
    });
}

#[test]
fn a_broken_connection_is_replaced_for_the_next_call() {
    block_on(async {
        let server = Server::start();
        let proxy = troubled(&server);
        let client = within(&[proxy.endpoint()]).max_retries(2).build().unwrap();
        for breakage in [Proxy::cut, Proxy::reset] {
            client.put("/k", "v").await.unwrap();
            breakage(&proxy);
            client.get("/k").await.unwrap();
            let mut watch = client.watch("/k").await.unwrap();
            breakage(&proxy);
            let error = soon(watch.next()).await.unwrap().unwrap_err();
            assert!(
                error.kind() == Kind::Unavailable && error.to_string().contains(&proxy.endpoint()),
                "{error}"
            );
        }
    });
}

#[test]
fn a_truncated_answer_is_no_answer() {
    block_on(async {
        let server = Server::start();
        let proxy = troubled(&server);
        let client = within(&[proxy.endpoint()]).build().unwrap();
        for i in 0..4 {
            client.put(format!("/large/{i}"), vec![b'x'; 1 << 20]).await.unwrap();
        }
        proxy.cut_after_reply_bytes(3 << 20);
        let error = client.get("/large/").prefix().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
        assert_eq!(client.get("/large/").prefix().await.unwrap().kvs.len(), 4);
    });
}

#[test]
fn a_server_that_does_not_confirm_a_watch_is_passed_over() {
    block_on(async {
        let server = Server::start();
        let (silent, sound) = (troubled(&server), troubled(&server));
        let client = within(&[silent.endpoint(), sound.endpoint()]).build().unwrap();
        silent.hold_replies(true);
        for _ in 0..3 {
            let watch = client.watch("/k").await.unwrap();
            assert_eq!(watch.endpoint(), Some(&*sound.endpoint()));
        }
        let alone = within(&[silent.endpoint()]).build().unwrap();
        let error = alone.watch("/k").await.unwrap_err();
        assert!(error.kind() == Kind::Timeout && error.to_string().contains(&silent.endpoint()), "{error}");
    });
}

#[test]
fn a_load_balancer_that_knows_no_http2_is_named_by_its_status() {
    block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let page = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 11\r\n\r\nno upstream";
                let mut start = [0; 16];
                client.read_exact(&mut start).await.unwrap();
                client.write_all(page.as_bytes()).await.unwrap();
                client.shutdown().await.unwrap();
            }
        });
        let client = within(&[endpoint]).build().unwrap();
        let calls = [client.get("/k").await.unwrap_err(), client.watch("/k").await.unwrap_err()];
        for error in calls {
            assert_eq!(error.kind(), Kind::Protocol);
            assert!(error.to_string().contains("HTTP 503 Service Unavailable: no upstream"), "{error}");
        }
    });
}
