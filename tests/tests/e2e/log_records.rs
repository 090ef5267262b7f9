//! What the log says of a connection: once when an outage begins, once when it is over, and each on one line.

use std::thread;
use std::time::Duration;

use etcd_client_core::v3;
use etcd_config::EtcdConfig;
use etcd_config_tests::{Flat, Proxy, Server, Witness, log, over_each_api};

/// The records about a prefix, which no other test has.
fn about(prefix: &str) -> Vec<String> {
    log::about(&format!("prefix={prefix} "))
}

fn count(lines: &[String], start: &str) -> usize {
    lines.iter().filter(|line| line.starts_with(start)).count()
}

#[test]
fn an_outage_has_two_records_however_often_it_is_tried() {
    log::keep();
    over_each_api(|stage| {
        let server = stage.server().start();
        let prefix = format!("/outage-{}", server.address().replace("127.0.0.1:", ""));
        let proxy = Proxy::to(&server.address());
        let live = stage.watch_with(Flat::options().prefix(&prefix), [proxy.endpoint()]);
        let live = live.expect("a first snapshot");
        let witness = Witness::of(&live);
        witness.watches(Duration::from_secs(10));
        let before = about(&prefix).len();
        proxy.refuse(true);
        proxy.cut();
        thread::sleep(Duration::from_secs(4));
        proxy.refuse(false);
        witness.watches(Duration::from_secs(20));

        let lines = about(&prefix).split_off(before);
        assert_eq!(count(&lines, "WARN not connected: trying again until it is "), 1, "{lines:#?}");
        assert_eq!(count(&lines, "INFO connected: watching "), 1, "{lines:#?}");
        assert_eq!(count(&lines, "WARN "), 1, "{lines:#?}");
        assert!(lines.iter().all(|line| !line.contains('\n')), "{lines:#?}");
        let over = lines.iter().find(|line| line.starts_with("INFO connected")).expect("the end");
        let failures = over.split_once("failures=").expect("how many").1;
        assert!(failures.trim().parse::<u32>().expect("a number") > 2, "{over}");
        assert!(over.contains("outage=") && over.contains(&proxy.endpoint()), "{over}");
    });
}

#[test]
fn a_start_without_servers_is_one_record_that_names_them_all() {
    log::keep();
    let endpoints = ["http://127.0.0.1:1", "http://127.0.0.1:9"];
    let client = v3::Client::builder().endpoints(endpoints).max_retries(0).build().expect("a client");
    let options = Flat::options().prefix("/nobody-there").startup_timeout(Duration::from_secs(2));
    let error = options.watch(client).expect_err("nobody answers");
    let text = error.to_string();
    assert!(text.contains("\n  http://127.0.0.1:1: ") && text.contains("\n  http://127.0.0.1:9: "), "{text}");
    assert!(text.contains("none of the 2 etcd endpoints could be used:"), "{text}");
    assert_eq!(format!("{error:#}").lines().count(), 1);
    let lines = about("/nobody-there");
    let [line] = &lines[..] else { panic!("{lines:#?}") };
    assert!(line.starts_with("WARN not connected") && !line.contains('\n'), "{line}");
    assert!(
        endpoints.iter().all(|endpoint| line.contains(endpoint)) && line.contains("); http://"),
        "{line}"
    );
}

/// It comes back to whoever has asked, and is not said twice.
#[test]
fn what_no_waiting_cures_at_the_start_is_the_error_alone() {
    log::keep();
    let server = Server::start();
    server.add_user("reader", "hunter2", "/elsewhere/");
    server.enable_auth("of-root");
    let client = v3::Client::builder().endpoints([server.endpoint()]).user("reader", "hunter2").build();
    let error =
        Flat::options().prefix("/not-granted").watch(client.expect("a client")).expect_err("not permitted");
    let text = error.to_string();
    for part in
        ["user \"reader\"", "permission denied", "grant the user a role that may read all of /not-granted/"]
    {
        assert!(text.contains(part) && !text.contains("hunter2"), "{part}: {text}");
    }
    assert_eq!(about("/not-granted"), [""; 0]);
}
