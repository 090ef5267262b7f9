//! On real servers.

use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_config::{EtcdConfig, Live};
use etcd_config_tests::{Server, block_on, servers, until_found};

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

/// What the instances of the program's configuration read of it.
#[derive(EtcdConfig)]
#[etcd(prefix = "/payments")]
struct Part {
    #[etcd(key = "database/pool_size", default = 10)]
    _pool_size: u32,
    #[etcd(key = "threads", default = 4, restart)]
    _threads: u16,
}

/// An instance that is listed.
fn instance(server: &Server, name: &str) -> Live<Part> {
    let client = block_on(async { Client::new([server.endpoint()]) }).unwrap();
    let options =
        Part::options().instance(name).instance_version("1.0").instance_lease(Duration::from_secs(2));
    let live = options.watch(client).unwrap();
    until_found(Duration::from_secs(20), || live.status().instance, || live.status().to_string());
    live
}

#[test]
fn who_has_written_waits_for_the_fleet_on_each_line_of_etcd() {
    for etcd in servers::each_line() {
        let server = Server::builder().etcd(etcd).start();
        seeded(&server);
        let fleet = |args: &[&str]| run(&server, &[&["fleet"], args].concat());
        let nobody = fleet(&["--wait", "1", "--for", "300ms"]);
        assert_eq!(nobody.code, 1, "{nobody:#?}");
        let (web, other) = (instance(&server, "web-1"), instance(&server, "web-2"));
        let written = run(&server, &["set", "database.pool_size=20", "--json", "--yes"]);
        let revision = written.json()["written"].to_string();
        let waited = fleet(&["--wait", &revision, "--for", "20s"]);
        assert_eq!((waited.code, waited.err.as_str()), (0, ""), "{waited:#?}");
        assert!(waited.out.contains(&format!("Revision {revision} of Settings is in force everywhere")));
        let listed = fleet(&[]);
        assert!(
            listed.out.contains("2 instances of Settings below /payments.fleet at revision"),
            "{listed:#?}"
        );
        assert!(listed.out.contains(": all up to date\n"), "{listed:#?}");

        // Nobody below the prefix has written that, and nobody will: yet all have it, as nothing differs.
        server.put("/elsewhere", "1");
        let head = fleet(&["--json"]).json()["revision"].to_string();
        assert_eq!(fleet(&["--wait", &head, "--for", "20s"]).code, 0);

        let restart = run(&server, &["set", "threads=8", "--json", "--yes"]).json()["written"].to_string();
        let waits = fleet(&["--wait", &restart, "--for", "6s"]);
        assert_eq!(waits.code, 1, "{waits:#?}");
        assert!(waits.err.contains("web-1: waits for a restart: _threads"), "{waits:#?}");
        assert_eq!(run(&server, &["unset", "threads", "--yes"]).code, 0);

        // Past the command line.
        let bad = block_on(async {
            let client = Client::new([server.endpoint()]).unwrap();
            client.put("/payments/database/pool_size", "many").await.unwrap().header.revision
        });
        let begin = Instant::now();
        let refused = fleet(&["--wait", &bad.to_string(), "--for", "60s"]);
        assert!(refused.code == 1 && begin.elapsed() < Duration::from_secs(30), "{refused:#?}");
        assert!(refused.err.contains("web-2: revision"), "{refused:#?}");
        assert!(refused.err.contains("is refused: /payments/database/pool_size: \"many\""), "{refused:#?}");

        // One that goes is not waited for.
        server.put("/payments/database/pool_size", "30");
        drop(other);
        let head = fleet(&["--json"]).json()["revision"].to_string();
        assert_eq!(fleet(&["--wait", &head, "--for", "20s"]).code, 0);
        assert_eq!(fleet(&["--json"]).json()["instances"].as_array().unwrap().len(), 1);
        drop(web);
    }
}

#[test]
fn who_may_not_read_the_fleet_is_told_what_to_grant() {
    let server = Server::start();
    seeded(&server);
    server.enable_auth("of-root");
    server.add_user("reader", "secret", "/payments/");
    let fleet = |args: &[&str]| {
        let named = prepared(&server, &[&["fleet"], args].concat()).env("ETCDCTL_USER", "reader");
        named.env("ETCDCTL_PASSWORD", "secret").run()
    };
    for args in [&[][..], &["--wait", "1"], &["--watch"]] {
        let refused = fleet(args);
        assert_eq!(refused.code, 3, "{refused:#?}");
        assert!(refused.err.contains("a role that may read all of /payments.fleet/"), "{refused:#?}");
    }
}
