//! `rollout`, on a real server with some processes as instances.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use etcd_config_tests::{Server, until_within};

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
    let args = [workers, "--to", "web-1", "--observe", "1h", "--yes"];
    let mut prepared = prepared(server, &args);
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
    assert!(listed.out.contains("workers") && listed.out.contains("web-1"), "{listed:#?}");
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
fn an_etcd_that_does_not_answer_is_another_exit_code() {
    let args = ["workers=20", "--to", "web-1", "--yes", "--startup-timeout", "1s"];
    for args in [&args[..], &["--startup-timeout", "1s"], &["--abort", "--startup-timeout", "1s"]] {
        let run = Run::new("", &[&["rollout"], args].concat());
        let run = run.env("SERVICE", "1").env("ETCDCTL_ENDPOINTS", "http://127.0.0.1:1");
        let ran = run.run();
        assert_eq!(ran.code, 3, "{ran:#?}");
    }
}
