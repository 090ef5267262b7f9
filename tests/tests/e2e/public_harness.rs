//! The harness for users' tests.

use std::time::Duration;

use etcd_config::{EtcdConfig, testing::Etcd};
use etcd_config_tests::{SOON, servers};

#[derive(EtcdConfig)]
#[etcd(prefix = "/payments")]
struct Settings {
    #[etcd(default = 10)]
    workers: u32,
}

#[test]
fn a_server_is_started_stopped_started_again_and_gone_in_the_end() {
    // Where the newest was fetched, it is on no path.
    let program = servers::newest().path();
    let mut etcd = Etcd::start_program(program, ["--auto-compaction-retention=1"]).unwrap();
    assert_eq!(etcd.program(), program);
    let settings = Settings::watch(etcd.endpoint()).unwrap();
    let written = Settings::update(etcd.endpoint(), |edit| Ok(edit.set_text("workers", "20"))).unwrap();
    settings.wait_for_revision(written.revision(), SOON).unwrap();

    etcd.stop();
    let limit = Duration::from_millis(300);
    let load = || Settings::options().startup_timeout(limit).load_once(etcd.endpoint());
    let error = load().map(drop).unwrap_err();
    assert!(error.to_string().ends_with("\n  nothing listens there: is etcd running?"), "{error}");
    etcd.restart().unwrap();
    assert_eq!(Settings::load_once(etcd.endpoint()).unwrap().workers, 20);
    let written = Settings::update(etcd.endpoint(), |edit| Ok(edit.set_text("workers", "30"))).unwrap();
    settings.wait_for_revision(written.revision(), SOON).unwrap();

    let address = etcd.endpoint().trim_start_matches("http://").to_owned();
    drop(etcd);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn what_keeps_it_from_starting_is_in_the_error() {
    let program = servers::newest().path();
    let error = Etcd::start_program(program, ["--no-such-flag"]).unwrap_err().to_string();
    assert!(error.contains("has ended") && error.contains("no-such-flag"), "{error}");
    let error = Etcd::start_program("/no/such/etcd".as_ref(), [""; 0]).unwrap_err().to_string();
    assert!(error.contains("/no/such/etcd: "), "{error}");
}
