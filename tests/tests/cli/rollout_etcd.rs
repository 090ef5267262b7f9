//! `rollout`, on a real server with some processes as instances.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use etcd_client_core::v3::Client;
use etcd_config::{EtcdConfig, Live};
use etcd_config_tests::{Server, block_on, until_within};

use crate::helper::{Ran, Run};
use crate::terminal::Terminal;

/// A process that is listed in the fleet; it is killed in the end.
struct Member(Child);

impl Member {
    fn start(server: &Server, name: &str, is_strict: bool) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_settings-program"));
        command.env("SERVICE", "1").env("MEMBER", name).env("ETCDCTL_ENDPOINTS", server.endpoint());
        if is_strict {
            command.env("STRICT", "1");
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        let out = child.stdout.as_mut().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("its output can be read");
        assert_eq!(line, "listed\n");
        Self(child)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn prepared(server: &Server, args: &[&str]) -> Run {
    let run = Run::new("", &[&["rollout"], args].concat());
    run.env("SERVICE", "1").env("ETCDCTL_ENDPOINTS", &server.endpoint())
}

fn run(server: &Server, args: &[&str]) -> Ran {
    prepared(server, args).run()
}

/// The keys below the prefix, the layers and the rollouts, without those of the fleet.
fn keys(server: &Server) -> String {
    let keys = server.etcdctl(["get", "--prefix", "/service"]);
    let lines: Vec<&str> = keys.lines().collect();
    let pairs = lines.chunks(2).filter(|pair| !pair[0].starts_with("/service.fleet/"));
    let pairs: Vec<String> =
        pairs.map(|pair| format!("{}={}\n", pair[0], pair.get(1).unwrap_or(&""))).collect();
    pairs.concat()
}

/// One that watches for an hour, as soon as it does.
fn watching(server: &Server, workers: &str) -> Child {
    watching_all(server, &[workers])
}

fn watching_all(server: &Server, change: &[&str]) -> Child {
    let args = ["--to", "web-1", "--observe", "1h", "--yes"];
    let mut prepared = prepared(server, &[change, &args].concat());
    let mut child = prepared
        .command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let out = BufReader::new(child.stdout.as_mut().expect("its output"));
    let mut lines = out.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("In force")), "it ends early");
    child
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(sent.expect("there is a kill").success());
}

#[test]
fn an_operator_rolls_out_is_killed_goes_on_and_takes_back() {
    let server = Server::start();
    server.put("/service/workers", "12");
    let _members = [("web-1", false), ("web-2", false), ("web-3", true)]
        .map(|(name, is_strict)| Member::start(&server, name, is_strict));

    let ran = run(&server, &["workers=20", "--to", "web-1,web-2", "--observe", "1s", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert_eq!(keys(&server), "/service/workers=20\n");

    // One of the processes refuses what this one takes.
    let ran = run(&server, &["workers=200", "--to", "web-1,web-3", "--observe", "1h", "--yes"]);
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(ran.err.contains("web-3: revision ") && ran.err.contains("is refused: more than 99"), "{ran:#?}");
    assert_eq!(keys(&server), "/service/workers=20\n");

    // A signal takes it back.
    let child = watching(&server, "workers=30");
    signal(&child, "TERM");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("SIGTERM: taking it back"), "{output:?}");
    assert_eq!(keys(&server), "/service/workers=20\n");

    // Killed: what stands there is seen, keeps a second one away, and is taken back.
    let mut child = watching(&server, "workers=30");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let listed = run(&server, &[]);
    assert!(listed.out.contains("  workers 20 -> 30  web-1 "), "{listed:#?}");
    assert!(listed.out.ends_with("  driven, or died less than 15s ago\n"), "{listed:#?}");
    let asked = run(&server, &["--abort", "--dry-run"]);
    assert!(asked.out.contains(": workers 20 -> 30 for web-1? A dry run"), "{asked:#?}");
    let change = &run(&server, &["--json"]).json()["rollouts"][0]["changes"][0];
    let change = ["field", "old", "new"].map(|name| change[name].as_str().unwrap_or_default().to_owned());
    assert_eq!(change, ["workers", "20", "30"]);
    let second = run(&server, &["workers=40", "--to", "web-2", "--yes"]);
    assert_eq!(second.code, 2, "{second:#?}");
    assert!(second.err.contains("workers is being rolled out already"), "{second:#?}");
    let ran = run(&server, &["--abort", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(ran.out.contains("\nTaken back at revision "), "{ran:#?}");
    assert_eq!(keys(&server), "/service/workers=20\n");

    // Killed once more, and gone on with by its name once its lease has ended.
    let mut child = watching(&server, "workers=30");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let driven = run(&server, &["--continue", "--observe", "1s", "--yes"]);
    assert_eq!(driven.code, 1, "{driven:#?}");
    assert!(driven.err.contains("somebody else drives it"), "{driven:#?}");
    until_within(Duration::from_secs(60), "nobody drives it", || {
        thread::sleep(Duration::from_millis(500));
        run(&server, &[]).out.contains("nobody drives it")
    });
    let listed = run(&server, &["--json"]).json();
    let id = listed["rollouts"][0]["id"].as_str().expect("its name").to_owned();
    let ran = run(&server, &["--continue", &id, "--observe", "1s", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert_eq!(keys(&server), "/service/workers=30\n");
    assert_eq!(run(&server, &[]).out, "There is no rollout of Service\n");

    // No secret is shown.
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "hunter2").expect("it is written");
    let path = file.path().to_str().expect("its name is text");
    let mut child = watching_all(&server, &["token", "--from-file", path]);
    let (listed, json) = (run(&server, &[]), run(&server, &["--json"]));
    assert!(listed.out.contains("  token absent -> •••  web-1 "), "{listed:#?}");
    let change = &json.json()["rollouts"][0]["changes"][0];
    assert!(change["secret"] == true && change["new"].is_null(), "{json:#?}");
    assert!(!listed.out.contains("hunter2") && !json.out.contains("hunter2"), "{listed:#?} {json:#?}");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

/// A share is chosen once: another instance that comes while somebody reads the question has no part in it.
#[test]
fn those_who_were_shown_have_it_first() {
    let server = Server::start();
    server.put("/service/workers", "12");
    let member = |name: &str| Member::start(&server, name, false);
    let _members = [member("web-1"), member("web-5")];
    let mut terminal =
        Terminal::start(prepared(&server, &["workers=20", "--share", "50%", "--observe", "1s"]), 100);
    terminal.sees("First for web-1, through");
    terminal.sees("Roll it out?");
    // Before the others in the order of a share.
    let _another = member("web-2");
    terminal.types("yes\n");
    assert_eq!(terminal.ends(), 0, "{}", terminal.screen());
    let screen = terminal.screen();
    assert!(screen.contains("for web-1\n") && !screen.contains("web-2"), "{screen}");
    assert_eq!(keys(&server), "/service/workers=20\n");
}

#[test]
fn somebody_else_who_is_first_is_exit_code_4_and_nothing_is_written() {
    let server = Server::start();
    server.put("/service/workers", "12");
    let _member = Member::start(&server, "web-1", false);
    let args = ["workers=20", "--to", "web-1", "--observe", "0s"];
    let mut terminal = Terminal::start(prepared(&server, &args), 100);
    terminal.sees("Roll it out? [y/N]");
    // Not the key that is to be changed: the decision was about all of them.
    server.put("/service/level", "debug");
    terminal.types("y\n");
    assert_eq!(terminal.ends(), 4, "{}", terminal.screen());
    let screen = terminal.screen();
    assert!(screen.contains("A conflict: nothing is written. Since revision "), "{screen}");
    assert!(screen.contains("/service/level ") && screen.contains("absent"), "{screen}");
    assert_eq!(keys(&server), "/service/level=debug\n/service/workers=12\n");
}

/// What the program's `Service` is for the instances here.
#[derive(EtcdConfig)]
#[etcd(prefix = "/service", layers("/service@{instance}"))]
struct Part {
    #[etcd(default = 10)]
    _workers: u32,
}

/// An instance that is listed, with a client that may do all.
fn instance(server: &Server, name: &str) -> Live<Part> {
    let client =
        block_on(async { Client::builder().endpoints([server.endpoint()]).user("root", "of-root").build() });
    let live = Part::options().instance(name).watch(client.expect("a client")).expect("it starts");
    until_within(Duration::from_secs(20), "listed", || live.status().instance.is_some());
    live
}

#[test]
fn who_lacks_a_right_is_told_what_to_grant_and_nothing_is_written() {
    const RIGHTS: [(&str, &str); 7] = [
        ("read", "/service/"),
        ("write", "/service/"),
        ("read", "/service@web-1/"),
        ("write", "/service@web-1/"),
        ("read", "/service.rollout/"),
        ("write", "/service.rollout/"),
        ("read", "/service.fleet/"),
    ];
    let role = |(what, directory): (&str, &str)| format!("{what}-{}", directory.replace('/', ""));
    let server = Server::builder().flag("--bcrypt-cost", "4").start();
    server.enable_auth("of-root");
    server.put("/service/workers", "12");
    server.etcdctl(["user", "add", "operator:secret"]);
    for right @ (what, directory) in RIGHTS {
        server.etcdctl(["role", "add", &role(right)]);
        server.etcdctl(["role", "grant-permission", "--prefix=true", &role(right), what, directory]);
        server.etcdctl(["user", "grant-role", "operator", &role(right)]);
    }
    let _members = ["web-1", "web-2"].map(|name| instance(&server, name));
    let run = |args: &[&str]| {
        let run = Run::new("", args).env("SERVICE", "1").env("ETCDCTL_ENDPOINTS", &server.endpoint());
        run.env("ETCDCTL_USER", "operator").env("ETCDCTL_PASSWORD", "secret").run()
    };
    let without = |right: (&str, &str), args: &[&str]| {
        server.etcdctl(["user", "revoke-role", "operator", &role(right)]);
        let ran = run(args);
        server.etcdctl(["user", "grant-role", "operator", &role(right)]);
        ran
    };
    let refused = |right @ (what, directory): (&str, &str), args: &[&str]| {
        let ran = without(right, args);
        assert_eq!(ran.code, 3, "{right:?}: {ran:#?}");
        let (_, granted) = ran.err.split_once("grant the user a role that may ").expect(&ran.err);
        assert!(granted.contains(what) && granted.contains(directory), "{right:?}: {ran:#?}");
        assert_eq!(keys(&server), "/service/workers=12\n", "{right:?}: {ran:#?}");
    };

    let revision_of = |key: &str| {
        let found = server.etcdctl(["get", key, "-w", "json"]);
        let found: serde_json::Value = serde_json::from_str(&found).expect("JSON");
        found["kvs"][0]["mod_revision"].to_string()
    };

    let rollout = ["rollout", "workers=20", "--to", "web-1", "--observe", "0s", "--yes"];
    for right in RIGHTS {
        refused(right, &rollout);
    }
    let read = |directory| ("read", directory);
    refused(read("/service.rollout/"), &["rollout"]);
    refused(read("/service.rollout/"), &["rollout", "--abort", "--yes"]);
    for args in [&["fleet"][..], &["fleet", "--wait", "1"]] {
        refused(read("/service.fleet/"), args);
    }
    // Whether a revision that nobody has reported changes anything is seen in the prefix.
    server.put("/elsewhere", "1");
    refused(read("/service/"), &["fleet", "--wait", &revision_of("/elsewhere"), "--for", "3s"]);
    // These are not needed to see who is there.
    for right in RIGHTS.into_iter().filter(|right| *right != read("/service.fleet/")) {
        let ran = without(right, &["fleet"]);
        assert!(ran.code == 0 && ran.out.contains("web-2"), "{right:?}: {ran:#?}");
    }

    let ran = run(&rollout);
    assert_eq!((ran.code, &keys(&server)[..]), (0, "/service/workers=20\n"), "{ran:#?}");
    let ran = run(&["fleet", "--wait", &revision_of("/service/workers"), "--for", "20s"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
}

#[test]
fn an_etcd_that_does_not_answer_is_another_exit_code() {
    let args = ["workers=20", "--to", "web-1", "--yes", "--startup-timeout", "1s"];
    for args in [&args[..], &["--startup-timeout", "1s"], &["--abort", "--startup-timeout", "1s"]] {
        let run = Run::new("", &[&["rollout"], args].concat());
        let run = run.env("SERVICE", "1").env("ETCDCTL_ENDPOINTS", "http://127.0.0.1:1");
        let ran = run.run();
        assert_eq!(ran.code, 3, "{ran:#?}");
    }
}
