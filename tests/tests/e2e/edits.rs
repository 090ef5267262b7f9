//! Settings that are changed on real servers, by several writers at once.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::{Change, Prefix, Signal, Store, v2, v3};
use etcd_config::{EtcdConfig, Error, field};
use etcd_config_tests::{Proxy, Server, block_on, servers};

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
    #[etcd(secret)]
    token: Option<String>,
}

impl Settings {
    fn check(&self) -> Result<(), &'static str> {
        if self.log_level == "trace" && self.workers > 10 { Err("too much to trace") } else { Ok(()) }
    }
}

/// The calls that people are shown, on each line of etcd.
#[test]
fn settings_are_changed_checked_and_followed() {
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        let client = block_on(async { v3::Client::new([server.endpoint()]) }).unwrap();
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
        assert_eq!(error.moved()[0].revision, Some(written.revision()), "{error}");
        let refused = Settings::edit(&client).unwrap().set_text("log/level", "trace").plan().unwrap_err();
        assert!(refused.is_invalid(), "{refused}");
        assert!(Settings::check(&client).unwrap().is_ok());
        let before = Settings::options().check_at(&client, written.revision() - 1).unwrap();
        assert_eq!(before.revision(), written.revision() - 1);
    }
}

/// The answer is lost on the way, as when a connection breaks.
#[test]
fn a_lost_answer_is_found_out_on_a_server() {
    let server = Server::builder().start();
    let proxy = Proxy::start(server.address());
    let client = block_on(async {
        v3::Client::builder().endpoints([proxy.endpoint()]).timeout(Duration::from_secs(2)).build()
    });
    let client = client.unwrap();
    let plan = Settings::edit(&client).unwrap().set(field!(Settings.workers), &20).unwrap().plan().unwrap();
    proxy.swallow_answers(true);
    let healed = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(500));
            proxy.swallow_answers(false);
            proxy.cut();
        });
        plan.commit()
    });
    let written = healed.unwrap();
    assert_eq!(Settings::load_once(&client).unwrap().workers, 20);
    assert!(Settings::options().check_at(&client, written.revision()).unwrap().is_ok());
}
