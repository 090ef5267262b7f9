//! Settings that are changed on real servers, by several writers at once.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use etcd_client_core::{v2, v3};
use etcd_config::{EtcdConfig, field};
use etcd_config_tests::{Contest, Proxy, Server, block_on, servers};

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/payments", validate = Settings::check)]
struct Settings {
    #[etcd(default = 10)]
    workers: u32,
    #[etcd(key = "log/level", default = "info")]
    log_level: String,
    limit: Option<u32>,
    #[etcd(map)]
    features: BTreeMap<String, bool>,
}

impl Settings {
    fn check(&self) -> Result<(), &'static str> {
        if self.log_level == "trace" && self.workers > 10 { Err("too much to trace") } else { Ok(()) }
    }
}

fn client(endpoint: String) -> v3::Client {
    block_on(async { v3::Client::builder().endpoints([endpoint]).timeout(Duration::from_secs(2)).build() })
        .unwrap()
}

/// The calls that people are shown, on each line of etcd.
#[test]
fn settings_are_changed_checked_and_followed() {
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        let client = client(server.endpoint());
        let settings = Settings::watch(&client).unwrap();
        let edit = Settings::edit(&client).unwrap().set(field!(Settings.workers), &20).unwrap();
        let edit = edit.set(field!(Settings.features["dark"]), &true).unwrap().set_text("limit", "5");
        let written = edit.plan().unwrap().commit().unwrap();
        settings.wait_for_revision(written.revision(), Duration::from_secs(10)).unwrap();
        assert_eq!((settings.load().workers, settings.load().features["dark"]), (20, true));
        let stale = Settings::edit(&client).unwrap().unset(field!(Settings.limit)).plan().unwrap();
        let written = Settings::update(&client, |edit| Ok(edit.set_text("log/level", "debug"))).unwrap();
        let error = stale.commit().unwrap_err();
        assert!(error.is_conflict(), "{error}");
        assert_eq!(error.conflicts()[0].revision, Some(written.revision()), "{error}");
        let refused = Settings::edit(&client).unwrap().set_text("log/level", "trace").plan().unwrap_err();
        assert!(refused.is_invalid(), "{refused}");
        assert!(Settings::check_stored(&client).unwrap().is_ok());
        let before = Settings::options().check_stored_at(&client, written.revision() - 1).unwrap();
        assert_eq!((before.revision(), before.is_ok()), (written.revision() - 1, true));
    }
}

/// The server has the request and its answer never comes, or neither of them: nobody is answered anything wrong.
#[test]
fn a_lost_answer_is_found_out_by_reading() {
    let server = Server::start();
    let proxy = Proxy::to(&server.address());
    let (client, witness) = (client(proxy.endpoint()), client(server.endpoint()));
    for (workers, loses_request) in [(20, false), (21, true)] {
        let edit = Settings::edit(&client).unwrap().set(field!(Settings.workers), &workers).unwrap();
        let plan = edit.plan().unwrap();
        if loses_request {
            proxy.hold_requests(true);
        } else {
            proxy.hold_replies(true);
        }
        let answer = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(500));
                proxy.cut();
                proxy.hold_requests(false);
                proxy.hold_replies(false);
            });
            plan.commit()
        });
        let is_written = Settings::load_once(&witness).unwrap().workers == workers;
        match answer {
            Ok(_) => assert!(is_written),
            Err(error) => assert!(loses_request && error.maybe_applied() && !is_written, "{error}"),
        }
    }
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/payments", commit_key = "committed")]
struct Committed {
    #[etcd(default = 10)]
    workers: u32,
    limit: Option<u32>,
}

/// The v2 API takes one key at a time.
#[test]
fn over_v2_one_key_is_changed_or_several_with_a_commit_key_last() {
    for etcd in servers::with_v2() {
        let server = Server::builder().etcd(etcd).v2().start();
        let client = block_on(async { v2::Client::new([server.endpoint()]) }).unwrap();
        Settings::update(&client, |edit| edit.set(field!(Settings.workers), &20)).unwrap();
        let both = Settings::edit(&client).unwrap().set_text("limit", "5").set_text("log/level", "debug");
        let error = both.plan().unwrap_err();
        assert!(error.is_invalid_option() && error.to_string().contains("takes one key at once"), "{error}");
        let stale = Settings::edit(&client).unwrap().set_text("workers", "22").plan().unwrap();
        let settings = Committed::watch(&client).unwrap();
        let edit = Committed::edit(&client).unwrap().set(field!(Committed.workers), &21).unwrap();
        let written = edit.set(field!(Committed.limit), &Some(6)).unwrap().plan().unwrap().commit().unwrap();
        settings.wait_for_revision(written.revision(), Duration::from_secs(10)).unwrap();
        assert_eq!((settings.load().workers, settings.load().limit), (21, Some(6)));
        let error = stale.commit().unwrap_err();
        assert!(
            error.is_conflict() && error.conflicts().iter().any(|moved| moved.key == "/payments/workers"),
            "{error}"
        );
    }
}

/// How long writers contend.
const CONTENTION: Duration = Duration::from_secs(10);

/// Others write and delete without asking, and in the second half connections are cut, with answers under way.
/// The history of the server is the oracle.
#[test]
fn no_edit_of_many_writers_is_lost_or_makes_what_the_check_refuses() {
    let server = Server::start();
    let proxy = Proxy::to(&server.address());
    let contest = Contest::run(16, CONTENTION, &[proxy.endpoint()], &[&server], |is_over| {
        thread::sleep(CONTENTION / 2);
        while !is_over.load(Ordering::Relaxed) {
            proxy.hold_replies(true);
            thread::sleep(Duration::from_millis(100));
            proxy.cut();
            proxy.hold_replies(false);
            thread::sleep(Duration::from_millis(300));
        }
    });
    let verdict = contest.held_against(&server);
    println!("{verdict}");
    assert!(verdict.written >= Contest::ENOUGH && verdict.written_but == 0, "{verdict}");
    assert!(verdict.attempts_again > 10 && verdict.refused_states > 0, "{verdict}");
}
