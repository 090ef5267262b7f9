//! What was stored before, and what is stored first, on real servers.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::{io::Write, path::Path};

use etcd_client_core::{Kind, v2, v3};
use etcd_config::{EtcdConfig, HistoryCut, HistoryStep, field};
use etcd_config_tests::{Server, block_on, servers};

#[derive(EtcdConfig)]
#[etcd(prefix = "/{region}/first")]
struct First {
    #[etcd(default = "it's \"quoted\" \\n $HOME `x` (1) größe\n\tsecond line\r\n\n-- third")]
    text: String,
    #[etcd(default = -5)]
    offset: i16,
    #[etcd(default = "")]
    empty: String,
    #[etcd(key = "k'e\"y (x)", default = "a b")]
    odd: String,
    #[etcd(default = 10)]
    workers: u32,
}

fn shell(script: &str, etcdctl: &Path, endpoint: &str) {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh")
        .arg("-e")
        .env("PATH", format!("{}:{path}", etcdctl.parent().unwrap().display()))
        .env("ETCDCTL_ENDPOINTS", endpoint)
        .env("ETCDCTL_API", "3")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success());
}

/// etcdctl of each line reads the same of it, and leaves alone what is there.
#[test]
fn the_script_of_a_schema_writes_the_defaults_where_there_are_none() {
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        server.put("/it's/first/workers", "3");
        let options = First::options().placeholder("region", "it's");
        let script = options.clone().schema().unwrap().to_etcdctl_if_absent();
        for _ in 0..2 {
            shell(&script, etcd.etcdctl(), &server.endpoint());
            let first = options.clone().load_once(server.endpoint()).unwrap();
            let text = "it's \"quoted\" \\n $HOME `x` (1) größe\n\tsecond line\r\n\n-- third";
            assert_eq!((first.text.as_str(), first.offset, first.empty.as_str()), (text, -5, ""));
            assert_eq!((first.odd.as_str(), first.workers), ("a b", 3));
            let keys = server.etcdctl(["get", "--prefix", "--keys-only", "/it's/first/"]);
            assert_eq!(keys.split_whitespace().count(), 6, "{keys}"); // one of them has a space
            server.etcdctl(["put", "/it's/first/empty", ""]);
        }
        // The commands that overwrite do.
        shell(&options.clone().schema().unwrap().to_etcdctl(), etcd.etcdctl(), &server.endpoint());
        assert_eq!(options.load_once(server.endpoint()).unwrap().workers, 10);
    }
}

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/app")]
struct App {
    #[etcd(default = 10)]
    workers: u32,
    #[etcd(map)]
    features: BTreeMap<String, bool>,
}

/// The keys that each revision has changed, as the one that wrote knows it.
#[derive(Default)]
struct Oracle(BTreeMap<u64, Vec<String>>);

impl Oracle {
    fn wrote(&mut self, printed: &str, server: &Server, keys: &[&str]) -> u64 {
        assert!(!printed.contains("FAILURE"), "{printed}");
        let revision = revision(server);
        self.0.insert(revision, keys.iter().map(|key| (*key).to_owned()).collect());
        revision
    }

    fn is(&self, steps: &[HistoryStep], from: u64) {
        let keys = |step: &HistoryStep| step.changes().iter().map(|change| change.key().to_owned()).collect();
        let read: BTreeMap<u64, Vec<String>> =
            steps.iter().map(|step| (step.revision(), keys(step))).collect();
        assert_eq!(read, self.0.range(from..).map(|(revision, keys)| (*revision, keys.clone())).collect());
        assert!(steps.is_sorted_by(|left, right| left.revision() > right.revision()));
    }
}

fn revision(server: &Server) -> u64 {
    let printed = server.etcdctl(["get", "nothing", "-w", "json"]);
    let number = printed.split("\"revision\":").nth(1).unwrap();
    number.split([',', '}']).next().unwrap().parse().unwrap()
}

/// Puts, deletions of one key and of many, transactions, rewrites, keys elsewhere, and a compaction in the middle.
#[test]
fn the_history_is_etcds_and_any_state_in_it_comes_back() {
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        let client = block_on(async { v3::Client::new([server.endpoint()]) }).unwrap();
        let mut oracle = Oracle::default();
        let mut states = BTreeMap::new();
        for round in 0..12 {
            let workers = format!("{}", round + 1);
            let printed = server.etcdctl(["put", "/app/workers", &workers]);
            oracle.wrote(&printed, &server, &["/app/workers"]);
            server.put("/elsewhere", "x");
            let input = "\nput /app/features/a true\nput /app/features/b false\n\n\n";
            let printed = server.try_etcdctl(["txn"], input).unwrap();
            oracle.wrote(&printed, &server, &["/app/features/a", "/app/features/b"]);
            states.insert(revision(&server), App::load_once(&client).unwrap());
            let printed = server.etcdctl(["del", "--prefix", "/app/features/"]);
            let at = oracle.wrote(&printed, &server, &["/app/features/a", "/app/features/b"]);
            states.insert(at, App::load_once(&client).unwrap());
        }
        let printed = server.etcdctl(["put", "/app/workers", "many"]);
        let bad = oracle.wrote(&printed, &server, &["/app/workers"]);
        let printed = server.etcdctl(["del", "/app/workers"]);
        oracle.wrote(&printed, &server, &["/app/workers"]);
        let history = App::history(&client, ..).unwrap();
        assert_eq!((history.complete_from(), history.cut()), (2, None));
        oracle.is(history.steps(), 2);
        for step in &history {
            assert_eq!(step.is_valid(), step.revision() != bad, "{step}");
        }
        let middle = history.steps()[20].revision();
        oracle.is(App::history(&client, middle..).unwrap().steps(), middle);
        for (at, state) in &states {
            let edit = App::edit(&client).unwrap().restore(*at).unwrap();
            edit.plan().unwrap().commit().unwrap();
            assert_eq!(&App::load_once(&client).unwrap(), state);
        }
        server.etcdctl(["compact", &middle.to_string()]);
        let history = App::history(&client, ..).unwrap();
        assert_eq!((history.complete_from(), history.cut()), (middle + 1, Some(HistoryCut::Compacted)));
        let later: Vec<HistoryStep> =
            history.steps().iter().filter(|step| step.revision() <= bad).cloned().collect();
        let known = Oracle(oracle.0.range(..=bad).map(|(at, keys)| (*at, keys.clone())).collect());
        known.is(&later, middle + 1);
        assert!(!history.for_field(field!(App.features["a"])).steps().is_empty());
        let error = App::edit(&client).unwrap().restore(middle - 1).unwrap_err();
        assert!(error.to_string().ends_with(&format!("take a later revision, from {middle} on")), "{error}");
        let error = App::history(&client, ..middle).unwrap_err();
        assert!(error.to_string().ends_with(&format!("take a later revision, from {middle} on")), "{error}");
    }
}

/// etcd's v2 API has no past: that is said, and nothing is read.
#[test]
fn over_v2_there_is_no_history_and_no_way_back() {
    let etcd = servers::with_v2()[0];
    let server = Server::builder().etcd(etcd).v2().start();
    let client = block_on(async { v2::Client::new([server.endpoint()]) }).unwrap();
    block_on(async { client.set("/app/workers", "3").await }).unwrap();
    for error in [
        App::history(&client, ..).unwrap_err(),
        App::edit(&client).unwrap().restore(1).unwrap_err(),
        App::options().check_stored_at(&client, 1).unwrap_err(),
    ] {
        assert_eq!(error.store().map(etcd_client_core::Error::kind), Some(Kind::InvalidRequest), "{error}");
        assert!(error.to_string().contains("the store cannot read its past"), "{error}");
    }
}
