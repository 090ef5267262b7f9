//! Endpoints at which something else answers than the API that is meant: what answers is said, and what to
//! write instead.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use etcd_client_core::{Prefix, Store, v2, v3};
use etcd_config::{EtcdConfig, IntoStore};
use etcd_config_tests::{
    Certificates, Flat, Reply, Scripted, Server, block_on, on_each_line, over_v2, servers,
};

const INSTEAD: &str =
    "write the address of etcd's port for clients (--advertise-client-urls, port 2379 by default)";

/// What a service is told that is to start at this endpoint.
fn said(store: impl IntoStore) -> String {
    let error = Flat::options().startup_timeout(Duration::from_millis(1_500)).watch(store);
    error.expect_err("no etcd").to_string()
}

fn over_v3(endpoint: &str) -> String {
    said(v3::Client::new([endpoint]).expect("a client"))
}

fn over_v2_api(endpoint: &str) -> String {
    said(v2::Client::new([endpoint]).expect("a client"))
}

/// Answers whatever it is told with these words, and hangs up.
fn answering(words: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let answer = |mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 4096])?;
        stream.write_all(words)?;
        stream.shutdown(Shutdown::Write)?;
        // Unread bytes would reset the connection, and the words with it.
        while stream.read(&mut [0; 4096])? > 0 {}
        std::io::Result::Ok(())
    };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    endpoint
}

#[test]
fn other_services_are_called_by_their_names() {
    for (words, name) in [
        (
            &b"-ERR unknown command 'GET', with args beginning with: '/version'\r\n"[..],
            "what answers is redis: ",
        ),
        (
            b"SSH-2.0-OpenSSH_9.2p1\r\nInvalid SSH identification string.\r\n",
            "what answers is an SSH server: ",
        ),
        (b"220 mail.test ESMTP\r\n", "what answers is a mail or FTP server: "),
        (
            b"\x10\x20\x30\x1b[2Jgarbage\n",
            "what answers is no HTTP server; it says \"\\u{10} 0\\u{1b}[2Jgarbage\": ",
        ),
        (b"", "the server hangs up on every request: it is no etcd, or a proxy that reaches none"),
    ] {
        let endpoint = answering(words);
        for text in [over_v3(&endpoint), over_v2_api(&endpoint)] {
            assert!(text.contains(name) && text.contains(&endpoint), "{text}");
            assert!(words.is_empty() || text.contains(INSTEAD), "{text}");
            assert!(!text.contains("did not answer") && !text.contains("broken pipe"), "{text}");
        }
    }
}

#[test]
fn a_web_server_is_none_of_etcds() {
    let server = Scripted::always(Reply::new(200, "<html>welcome").header("Server", "nginx/1.22"));
    let text = over_v3(&server.endpoint());
    let what =
        format!("{}: a web server answers, not etcd, HTTP 200 OK (nginx/1.22): {INSTEAD}", server.endpoint());
    assert!(text.contains(&what), "{text}");
    let text = over_v2_api(&server.endpoint());
    assert!(
        text.contains("not what etcd answers")
            && text.contains("or another service?")
            && text.contains(INSTEAD),
        "{text}"
    );
}

#[test]
fn etcds_own_other_ports_are_named() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let metrics = format!("http://{}", server.metrics_address());
        for text in [over_v3(&metrics), over_v2_api(&metrics)] {
            assert!(text.contains("is it etcd's port for metrics") && text.contains(INSTEAD), "{text}");
        }
        let peers = format!("http://{}", server.peer_address());
        let says =
            format!("the port of an etcd {} for its peers (--listen-peer-urls): {INSTEAD}", etcd.version());
        let text = over_v2_api(&peers);
        assert!(text.contains(&says), "{text}");
        // Before, it answers gRPC as the other port does.
        if etcd.version().line() >= (3, 6) {
            let text = over_v3(&peers);
            assert!(text.contains(&says), "{text}");
        }
    });
}

#[test]
fn a_port_for_http_alone_and_one_for_grpc_alone_are_named() {
    for etcd in servers::all().into_iter().filter(|etcd| etcd.version().line() >= (3, 6)) {
        let server = Server::builder().etcd(etcd).http_port().start();
        let text = over_v3(&format!("http://{}", server.http_address()));
        let says = format!(
            "an etcd {} answers, but speaks no gRPC on this port, which is one of its --listen-client-http-urls: \
             {INSTEAD}",
            etcd.version()
        );
        assert!(text.contains(&says), "{text}");
        let text = over_v2_api(&server.endpoint());
        assert!(text.contains("only gRPC is spoken on this port"), "{text}");
        assert!(text.contains("write one of these, or use the v3 client"), "{text}");
        let text = over_v2_api(&format!("http://{}", server.http_address()));
        assert!(
            text.contains("the v2 API is gone since etcd 3.6") && text.contains("use the v3 client"),
            "{text}"
        );
    }
}

#[test]
fn a_v2_api_that_is_off_is_said_with_how_to_have_it() {
    for etcd in servers::with_v2() {
        let server = Server::builder().etcd(etcd).flag("--enable-v2", "false").start();
        let text = over_v2_api(&server.endpoint());
        let says = format!(
            "the v2 API is off on this server, etcd {}: start etcd with --enable-v2=true",
            etcd.version()
        );
        assert!(text.contains(&says), "{text}");
    }
}

/// A scheme that is wrong in either direction.
#[test]
fn the_wrong_scheme_is_said_with_the_right_one() {
    let (plain, certificates) = (Server::start(), Certificates::new());
    let secure = Server::builder().tls(&certificates).start();
    let text = over_v3(&format!("http://{}", secure.address()));
    assert!(text.contains("the server speaks TLS: write https://, and name its authority"), "{text}");
    let text = over_v3(&format!("https://{}", plain.address()));
    assert!(
        text.contains("the server hangs up in the TLS handshake: it does not speak TLS (write http://)"),
        "{text}"
    );
}

/// By both clients in the same words.
#[test]
fn who_hangs_up_in_the_handshake_may_be_of_three_kinds() {
    let endpoint = answering(b"").replace("http://", "https://");
    let says = "; the server hangs up in the TLS handshake: it does not speak TLS (write http://), wants a client \
                certificate (Tls::identity_files), or is a proxy that reaches no server";
    for text in [over_v3(&endpoint), over_v2_api(&endpoint)] {
        assert!(text.contains(says) && text.contains("cannot connect: "), "{text}");
    }
}

#[test]
fn each_http_answer_that_is_not_etcds_gets_the_hint_and_a_page_is_its_title() {
    let python = "<!DOCTYPE HTML>\n<html lang=\"en\">\n    <head>\n        <meta charset=\"utf-8\">\n        \
                  <title>Error response</title>\n    </head><body><h1>Error response</h1></body></html>";
    for (status, body, says) in [
        (404, python, "HTTP 404 Not Found: Error response; is it a proxy, or another service? "),
        (
            502,
            "<html><title>502 Bad Gateway</title>",
            "HTTP 502 Bad Gateway; is it a proxy that does not reach etcd, ",
        ),
        (401, "who are you?", "HTTP 401 Unauthorized: who are you?; is it a proxy, or another service? "),
    ] {
        let server = Scripted::always(Reply::new(status, body));
        for text in [over_v3(&server.endpoint()), over_v2_api(&server.endpoint())] {
            assert!(text.contains(says) && text.contains(INSTEAD), "{text}");
            assert!(!text.contains("guest") && !text.contains("<html"), "{text}");
        }
    }
}

/// As `main` prints it: the answer from which the message was concluded does not come after it.
#[test]
fn an_error_of_the_v2_api_shows_its_message_once() {
    let server = Scripted::new(|asked| match asked.target.as_str() {
        "/version" => Reply::new(200, r#"{"etcdserver":"3.6.16","etcdcluster":"3.6.0"}"#),
        _ => Reply::new(404, "404 page not found\n"),
    });
    let client = v2::Client::new([server.endpoint()]).expect("a client");
    let error = Flat::options().startup_timeout(Duration::from_millis(1_500)).watch(client).unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    let client = v2::Client::new([server.endpoint()]).expect("a client");
    let error = block_on(client.get("k").into_future()).unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    let says = "the v2 API is gone since etcd 3.6, and this is etcd 3.6.16: use the v3 client (after";
    assert!(error.to_string().contains(says), "{error}");
    assert_eq!(v2::Refusal::of(&error).map(v2::Refusal::status), Some(404));
}

#[test]
fn who_was_refused_over_v2_is_named_and_his_password_is_not() {
    over_v2(|stage| {
        let server = stage.server().start();
        let admin = v2::Client::new([server.endpoint()]).expect("a client");
        let put = |path: &str, body: &str| {
            let request = admin.raw("PUT", path).body("application/json", body.to_owned());
            block_on(request.into_future()).expect(path);
        };
        put("/v2/auth/users/root", r#"{"user":"root","password":"rootpw"}"#);
        put("/v2/auth/users/norole", r#"{"user":"norole","password":"hunter2"}"#);
        put("/v2/auth/enable", "");
        let client = |password| {
            let client = v2::Client::builder().endpoints([server.endpoint()]).user("norole", password);
            client.build().expect("a client")
        };
        let text = said(client("hunter3"));
        assert!(
            text.contains("user \"norole\": ") && text.contains("the password is wrong, or no role"),
            "{text}"
        );
        assert!(!text.contains("hunter3"), "{text}");
    });
}

/// Behind a proxy that wants a password, or lets nobody ask for other keys than the service's own.
#[test]
fn an_endpoint_that_refuses_whoever_gives_no_password_is_not_failing() {
    for status in [401, 403] {
        let proxies = [(); 2].map(|()| Scripted::always(Reply::new(status, "<html>who are you?</html>")));
        let endpoints = proxies.each_ref().map(Scripted::endpoint);
        block_on(async {
            let client = v2::Client::builder().endpoints(endpoints).user("root", "secret").build().unwrap();
            Store::check_idle_endpoints(&client, 0).await;
            assert!(proxies.iter().all(|proxy| proxy.count() == 1));
            let failing = Store::failing_endpoints(&client);
            assert!(failing.is_empty(), "{failing:?}");
        });
    }
}

/// The hint is for whoever has an endpoint that does not answer.
#[test]
fn a_silent_endpoint_does_not_cost_the_hint_of_the_other_api() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = format!("http://{}", listener.local_addr().expect("an address"));
    let nodes = r#"{"action":"get","node":{"dir":true,"nodes":[{"key":"/app/port"}]}}"#;
    let (refusing, directory) =
        (Scripted::always(Reply::new(503, nodes)), Scripted::always(Reply::new(200, nodes)));
    block_on(async {
        let client = v3::Client::new([silent, refusing.endpoint(), directory.endpoint()]).unwrap();
        assert_eq!(Store::other_api(&client, &Prefix::new("/app")).await, Some("v2"));
    });
}

/// Beside gRPC, a proxy may serve pages to browsers, whatever they ask for.
#[test]
fn a_long_page_is_no_directory_of_the_other_api() {
    let page = Scripted::always(Reply::new(200, format!("<html>{}</html>", "x".repeat(200_000))));
    let nodes = format!(
        r#"{{"action":"get","node":{{"dir":true,"nodes":[{{"key":"/app/{}"}}]}}}}"#,
        "x".repeat(200_000)
    );
    let directory = Scripted::always(Reply::new(200, nodes));
    block_on(async {
        for (server, api) in [(page, None), (directory, Some("v2"))] {
            let client = v3::Client::new([server.endpoint()]).unwrap();
            assert_eq!(Store::other_api(&client, &Prefix::new("/app")).await, api);
        }
    });
}
