//! On real servers.

use etcd_config_tests::{Server, servers};

use crate::helper::{Ran, Run, VALID};
use crate::terminal::Terminal;

fn seeded(server: &Server) {
    for (key, value) in VALID.lines().filter_map(|line| line.split_once('=')) {
        server.put(key, value);
    }
}

fn prepared(server: &Server, args: &[&str]) -> Run {
    Run::new("", args).env("ETCDCTL_ENDPOINTS", &server.endpoint())
}

fn run(server: &Server, args: &[&str]) -> Ran {
    prepared(server, args).run()
}

#[test]
fn what_an_operator_does_on_each_line_of_etcd() {
    for etcd in servers::each_line() {
        let server = Server::builder().etcd(etcd).start();
        seeded(&server);
        assert_eq!(run(&server, &["check"]).code, 0);
        let written = run(&server, &["set", "database.pool_size=20", "features.dark=true", "--yes"]);
        assert_eq!(written.code, 0, "{written:#?}");
        assert_eq!(server.etcdctl(["get", "--print-value-only", "/payments/database/pool_size"]), "20\n");
        server.put("/payments/database/pool_size", "many");
        let bad = run(&server, &["check"]);
        assert_eq!(bad.code, 1, "{bad:#?}");
        assert_eq!(run(&server, &["unset", "database.pool_size", "--yes"]).code, 0);
        assert_eq!(run(&server, &["get", "database.pool_size"]).out, "10\n");
        let flag = Run::new("", &["get", "listen", "--endpoints", &server.endpoint()]).run();
        assert_eq!(flag.out, "127.0.0.1:8080\n", "{flag:#?}");
    }
}

#[test]
fn somebody_else_who_is_first_is_shown() {
    let server = Server::start();
    seeded(&server);
    server.put("/payments/log/level", "warn");
    let run = prepared(&server, &["set", "database.pool_size=20", "log_level=debug"]);
    let mut terminal = Terminal::start(run, 100);
    terminal.sees("Write these 2 changes? [y/N]");
    server.put("/payments/log/level", "trace");
    server.put("/payments/api_token", "hunter3");
    terminal.types("y\n");
    assert_eq!(terminal.ends(), 4, "{}", terminal.screen());
    let screen = terminal.screen();
    assert!(
        screen.contains("A conflict: nothing is written. Since revision 6 somebody else has changed:"),
        "{screen}"
    );
    assert!(screen.contains("/payments/log/level  7         warn  trace"), "{screen}");
    assert!(screen.contains("/payments/api_token  8         •••   •••"), "{screen}");
    assert_eq!(server.etcdctl(["get", "--print-value-only", "/payments/log/level"]), "trace\n");
}

#[test]
fn who_may_not_write_is_told_what_to_grant() {
    let server = Server::start();
    seeded(&server);
    server.enable_auth("of-root");
    server.etcdctl(["role", "add", "reader"]);
    server.etcdctl(["role", "grant-permission", "--prefix=true", "reader", "read", "/payments/"]);
    server.etcdctl(["user", "add", "reader:secret"]);
    server.etcdctl(["user", "grant-role", "reader", "reader"]);
    let run = |args: &[&str]| {
        let named = prepared(&server, args).env("ETCDCTL_USER", "reader");
        named.env("ETCDCTL_PASSWORD", "secret").run()
    };
    assert_eq!(run(&["check"]).code, 0);
    let refused = run(&["set", "database.pool_size=20", "--yes"]);
    assert_eq!(refused.code, 3, "{refused:#?}");
    assert!(refused.err.contains("write /payments/database/pool_size"), "{refused:#?}");
    let wrong = prepared(&server, &["check", "--user", "reader:other"]).run();
    assert_eq!(wrong.code, 3, "{wrong:#?}");
    assert!(!wrong.err.contains("other"), "{wrong:#?}");
}

#[test]
fn the_older_api_takes_one_key_and_says_so_before_anything_is_sent() {
    for etcd in servers::with_v2() {
        let server = Server::builder().etcd(etcd).v2().start();
        let run = |args: &[&str]| run(&server, &[args, &["--v2"]].concat());
        // Valid as soon as both are there: so an edit of one key cannot begin it.
        let many = run(&["set", "database.url=postgres://db", "log_level=debug", "--yes"]);
        assert_eq!(many.code, 2, "{many:#?}");
        assert!(many.err.contains("takes one key at once"), "{many:#?}");
        for (key, value) in VALID.lines().filter_map(|line| line.split_once('=')) {
            etcd_config_tests::block_on(async {
                let client = etcd_client_core::v2::Client::new([server.endpoint()]).unwrap();
                client.set(key, value).await.unwrap();
            });
        }
        let one = run(&["set", "database.pool_size=20", "--yes"]);
        assert_eq!(one.code, 0, "{one:#?}");
        assert_eq!(run(&["get", "database.pool_size"]).out, "20\n");
    }
}
