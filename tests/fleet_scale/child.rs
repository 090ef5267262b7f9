//! A process with a part of the instances.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime};

use etcd_client_core::v3::Client;
use etcd_config::{EtcdConfig, Live};
use etcd_config_tests::{block_on, until_within};
use tokio::task::JoinSet;

use crate::scene::{SCENES, Scene};

#[derive(EtcdConfig)]
#[etcd(prefix = "/service")]
pub(crate) struct Settings {
    #[etcd(default = 1)]
    pub(crate) workers: u32,
}

const ENDPOINT: &str = "SCALE_ENDPOINT";
const NUMBER: &str = "SCALE_NUMBER";
const INSTANCES: &str = "SCALE_INSTANCES";
const SCENE: &str = "SCALE_SCENE";
/// How many layers of zones there are.
const ZONES: usize = 3;
const SOON: Duration = Duration::from_secs(300);

/// A process, killed on drop.
pub(crate) struct Child {
    process: process::Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Child {
    pub(crate) fn start(endpoint: &str, number: usize, instances: usize, scene: Scene) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .env(ENDPOINT, endpoint)
            .env(NUMBER, number.to_string())
            .env(INSTANCES, instances.to_string())
            .env(SCENE, scene.name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let (questions, answers) = (process.stdin.take(), process.stdout.take());
        let answers = BufReader::new(answers.expect("piped"));
        Self { process, questions: questions.expect("piped"), answers }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn ask(&mut self, question: &str) {
        writeln!(self.questions, "{question}").expect("the process runs");
    }

    /// When a value was in force for each of its instances, in seconds since 1970.
    pub(crate) fn moments(&mut self) -> Vec<f64> {
        self.answer().split(' ').map(|word| word.parse().expect("a moment")).collect()
    }

    pub(crate) fn answer(&mut self) -> String {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the process runs");
        answer.trim_end().to_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether this process is such a one.
pub(crate) fn is_one() -> bool {
    std::env::var(ENDPOINT).is_ok()
}

/// Watches, each instance over a client of its own, and answers when a value is in force for each.
pub(crate) fn run() {
    let variable = |name| std::env::var(name).expect("set by the parent");
    let instances: usize = variable(INSTANCES).parse().expect("a number");
    let name = variable(SCENE);
    let scene = SCENES.into_iter().find(|scene| scene.name == name).expect("a scene");
    let lives: Vec<Live<Settings>> = (0..instances)
        .map(|instance| {
            let client = block_on(async { Client::new([variable(ENDPOINT)]) }).expect("a client");
            let options = Settings::options().startup_timeout(SOON);
            let name = format!("web-{}-{instance}", variable(NUMBER));
            let options = if scene.is_layered {
                let zone = format!("/service@zone-{}", instance % ZONES);
                options.layer(zone).layer(format!("/service@{name}"))
            } else {
                options
            };
            let options = if scene.is_listed { options.instance(name) } else { options };
            options.watch(client).expect("a configuration")
        })
        .collect();
    until_within(SOON, "watching, and listed", || {
        lives.iter().all(|live| {
            let status = live.status();
            status.state.is_watching() && status.instance.is_some() == scene.is_listed
        })
    });
    println!("ready");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for question in io::stdin().lines().map_while(Result::ok) {
        let workers: u32 = question.trim_start_matches("wait ").parse().expect("a number");
        let moments = runtime.block_on(async {
            let mut waits = JoinSet::new();
            for live in lives.clone() {
                waits.spawn(async move {
                    live.wait_until_async(|settings| settings.workers == workers, SOON)
                        .await
                        .expect("in force");
                    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
                });
            }
            waits.join_all().await
        });
        println!("{}", moments.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    }
}
