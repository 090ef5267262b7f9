//! A plain endpoint of a server that speaks TLS. One test, because a process has one log.

use std::sync::Mutex;
use std::time::Duration;

use etcd_client_core::{v2, v3};
use etcd_config_tests::{Certificates, Server, block_on};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Log;

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}: {}", record.level(), record.target(), record.args());
        LINES.lock().expect("the lines").push(line);
    }

    fn flush(&self) {}
}

/// The client asks the server in TLS what it speaks, whoever has signed its certificate, and a verifier that
/// knew nobody would log that as an error.
#[test]
fn is_said_without_an_error_about_certificates_in_the_log() {
    log::set_logger(&Log).expect("the first logger");
    log::set_max_level(log::LevelFilter::Warn);
    let certificates = Certificates::new();
    let server = Server::builder().tls(&certificates).start();
    let endpoint = format!("http://{}", server.address());
    let limit = Duration::from_secs(2);
    let over_v3 = v3::Client::builder().endpoints([&*endpoint]).timeout(limit).max_retries(0).build();
    let over_v2 = v2::Client::builder().endpoints([&*endpoint]).timeout(limit).max_retries(0).build();
    let errors = block_on(async {
        let (over_v3, over_v2) = (over_v3.expect("a client"), over_v2.expect("a client"));
        [over_v3.get("/k").await.expect_err("no TLS"), over_v2.get("k").await.expect_err("no TLS")]
    });
    for error in errors {
        assert!(error.to_string().contains("the server speaks TLS: write https://"), "{error}");
    }
    let lines = LINES.lock().expect("the lines");
    assert!(lines.is_empty(), "{lines:#?}");
}
