//! Twenty processes of one service, ten of which start while the newest values are refused.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use etcd_client_core::v3;
use etcd_config::EtcdConfig;
use etcd_config_tests::{Server, block_on, servers};

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/fleet")]
struct Fleet {
    name: String,
    #[etcd(default = 1)]
    workers: u32,
    note: Option<String>,
}

/// Where the server of an instance is.
const ENDPOINT: &str = "FLEET_ENDPOINT";
/// What an instance says begins with it; the rest is the test harness of its process.
const SAYS: &str = "fleet: ";
const SOON: Duration = Duration::from_secs(20);

/// Ten run, somebody writes past the library what they refuse, ten more start: all hold the same, and all follow when it
/// is corrected. Each is a process of its own.
#[test]
fn processes_that_start_during_a_refusal_have_what_the_running_ones_have() {
    if let Ok(endpoint) = std::env::var(ENDPOINT) {
        return instance(endpoint);
    }
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        let write = |key: &str, value: Option<&str>| {
            block_on(async {
                let client = v3::Client::new([server.endpoint()]).unwrap();
                match value {
                    Some(value) => client.put(key, value).await.unwrap().header.revision,
                    None => client.delete(key).await.unwrap().header.revision,
                }
            })
        };
        write("/fleet/name", Some("a"));
        let ten = || (0..10).map(|_| Instance::start(&server.endpoint())).collect::<Vec<_>>();
        let mut all = ten();
        let noted = write("/fleet/note", Some("x"));
        all.iter_mut().for_each(|instance| assert_eq!(instance.ask(&format!("wait {noted}")), "true"));
        let good = write("/fleet/note", None);
        all.iter_mut().for_each(|instance| assert_eq!(instance.ask(&format!("wait {good}")), "true"));
        write("/fleet/workers", Some("many"));
        let bad = write("/fleet/name", None);
        all.iter_mut().for_each(|instance| assert_eq!(instance.ask(&format!("wait {bad}")), "false"));
        all.extend(ten());
        let expected = Fleet { name: "a".into(), workers: 1, note: None };
        for instance in &mut all {
            let state = format!("{expected:?} at {good}, refused: true");
            assert_eq!(instance.ask("state"), state, "{}", etcd.version());
        }
        write("/fleet/workers", Some("2"));
        let corrected = write("/fleet/name", Some("b"));
        let expected = Fleet { name: "b".into(), workers: 2, note: None };
        for instance in &mut all {
            assert_eq!(instance.ask(&format!("wait {corrected}")), "true");
            let state = format!("{expected:?} at {corrected}, refused: false");
            assert_eq!(instance.ask("state"), state, "{}", etcd.version());
        }
    }
}

/// What a process of the service does: answers what it is asked, until nobody is there to ask.
fn instance(endpoint: String) {
    let client = block_on(async { v3::Client::builder().endpoints([endpoint]).build() }).unwrap();
    let settings = Fleet::options().start_from_last_good(true).watch(client).unwrap();
    for question in io::stdin().lines() {
        let answer = if let Some(("wait", revision)) = question.unwrap().split_once(' ') {
            settings.wait_for_revision(revision.parse().unwrap(), SOON).is_ok().to_string()
        } else {
            let (snapshot, refused) = (settings.snapshot(), settings.status().refused_since.is_some());
            format!("{:?} at {}, refused: {refused}", **snapshot, snapshot.revision())
        };
        println!("{SAYS}{answer}");
    }
}

/// A process of the service, killed on drop.
struct Instance {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Instance {
    fn start(endpoint: &str) -> Self {
        let name = "fleet::processes_that_start_during_a_refusal_have_what_the_running_ones_have";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(ENDPOINT, endpoint)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (questions, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, questions, answers: BufReader::new(answers) }
    }

    fn ask(&mut self, question: &str) -> String {
        writeln!(self.questions, "{question}").unwrap();
        let mut said = String::new();
        loop {
            let mut line = String::new();
            let length = self.answers.read_line(&mut line).unwrap();
            assert!(length > 0, "the process has ended: {said}");
            // The harness does not end its line before the test ends.
            if let Some((_, answer)) = line.split_once(SAYS) {
                return answer.trim_end().to_owned();
            }
            said.push_str(&line);
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
