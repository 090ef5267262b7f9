//! The proxy of the harness, before a server that says everything back.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_config_tests::{Answer, Chunks, Proxy, Server, soon};

const SHORT: Duration = Duration::from_millis(150);

#[test]
fn bytes_pass_in_both_directions_in_whatever_pieces() {
    let proxy = Proxy::to(&echo(b""));
    let message: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    for chunks in [Chunks::AsTheyCome, Chunks::SingleBytes, Chunks::Glued(Duration::from_millis(20))] {
        proxy.pass_on(chunks);
        let mut stream = connect(&proxy);
        stream.write_all(&message).expect("sent");
        let mut back = vec![0; message.len()];
        stream.read_exact(&mut back).expect("read back");
        assert!(back == message, "{chunks:?} changed the bytes");
    }
    assert_eq!(proxy.connections(), 3);
}

#[test]
fn a_cut_ends_connections_and_a_reset_breaks_them() {
    let proxy = Proxy::to(&echo(b""));
    let mut stream = said_back(&proxy);
    assert_eq!(proxy.open_connections(), 1);
    proxy.cut();
    assert_eq!(stream.read(&mut [0; 8]).expect("a clean end"), 0);
    let mut stream = said_back(&proxy);
    proxy.reset();
    assert_eq!(stream.read(&mut [0; 8]).expect_err("broken").kind(), ErrorKind::ConnectionReset);
}

#[test]
fn connections_are_refused_until_they_are_accepted_again() {
    let proxy = Proxy::to(&echo(b""));
    proxy.refuse(true);
    let error = TcpStream::connect(proxy.address()).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    proxy.refuse(false);
    said_back(&proxy);
}

#[test]
fn what_is_held_arrives_when_it_is_let_go() {
    let proxy = Proxy::to(&echo(b""));
    for hold in [Proxy::hold, Proxy::hold_requests, Proxy::hold_replies] {
        let mut stream = said_back(&proxy);
        hold(&proxy, true);
        stream.write_all(b"x").expect("sent");
        stream.set_read_timeout(Some(SHORT)).expect("a limit");
        assert_eq!(stream.read(&mut [0; 8]).expect_err("nothing").kind(), ErrorKind::WouldBlock);
        hold(&proxy, false);
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
        assert_eq!(stream.read(&mut [0; 8]).expect("it arrives"), 1);
    }
}

#[test]
fn delays_add_up_over_both_directions() {
    let proxy = Proxy::to(&echo(b""));
    proxy.delay_requests(SHORT);
    proxy.delay_replies(SHORT);
    let start = Instant::now();
    said_back(&proxy);
    assert!(start.elapsed() >= SHORT * 2);
}

#[test]
fn an_idle_connection_is_forgotten_and_the_next_bytes_break_it() {
    let proxy = Proxy::to(&echo(b""));
    let mut stream = said_back(&proxy);
    proxy.forget_idle(Some(SHORT));
    thread::sleep(SHORT * 2);
    stream.write_all(b"x").expect("sent");
    assert_eq!(stream.read(&mut [0; 8]).expect_err("broken").kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_reply_is_cut_in_its_middle() {
    let proxy = Proxy::to(&echo(b""));
    proxy.cut_after_reply_bytes(3);
    let mut stream = connect(&proxy);
    stream.write_all(b"abcdef").expect("sent");
    let mut back = Vec::new();
    let _ = stream.read_to_end(&mut back);
    assert_eq!(back, b"abc");
    said_back(&proxy);
}

#[test]
fn new_connections_go_to_another_server_or_get_an_answer() {
    let (first, second) = (echo(b"1"), echo(b"2"));
    let proxy = Proxy::to(&first);
    let greeting = || {
        let mut byte = [0];
        connect(&proxy).read_exact(&mut byte).map(|()| byte[0])
    };
    assert_eq!(greeting().expect("the first server's"), b'1');
    proxy.swap_backend(&second);
    assert_eq!(greeting().expect("the second server's"), b'2');
    proxy.turn_away(true);
    greeting().expect_err("nobody's");
    proxy.answer(Answer::html(502, "<h1>no server</h1>"));
    let mut stream = connect(&proxy);
    stream.write_all(b"POST /v3/kv/range HTTP/1.1\r\nhost: x\r\n\r\n").expect("sent");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a page");
    assert!(reply.starts_with("HTTP/1.1 502 ") && reply.ends_with("<h1>no server</h1>"), "{reply}");
}

#[tokio::test]
async fn one_event_of_a_watch_is_lost_and_the_stream_is_ended() {
    let server = Server::start();
    let proxy = Proxy::to(&server.address());
    let client = Client::new([proxy.endpoint()]).expect("a client");
    let mut changes = client.watch("/a").await.expect("a watch");
    proxy.lose_watch_frame();
    server.put("/a", "lost");
    server.put("/a", "seen");
    let response = soon(changes.next()).await.expect("no end").expect("no error");
    assert_eq!(response.events[0].kv.value, "seen");

    proxy.end_watches();
    assert!(!matches!(soon(changes.next()).await, Some(Ok(_))));
    client.get("/a").await.expect("calls go on");
}

/// The address of a server that greets, then says back what it hears.
fn echo(greeting: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let mut stream = stream?;
                stream.write_all(greeting)?;
                let mut buffer = [0; 4096];
                loop {
                    match stream.read(&mut buffer)? {
                        0 => return Ok::<_, std::io::Error>(()),
                        length => stream.write_all(&buffer[..length])?,
                    }
                }
            });
        }
    });
    address
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
    stream
}

fn said_back(proxy: &Proxy) -> TcpStream {
    let mut stream = connect(proxy);
    stream.write_all(b"hello").expect("sent");
    let mut back = [0; 5];
    stream.read_exact(&mut back).expect("read back");
    assert_eq!(&back, b"hello");
    stream
}
