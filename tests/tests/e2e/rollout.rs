//! Rollouts to a fleet of processes on real servers, whose operator is killed at each step.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_client_core::{Prefix, Store};
use etcd_config::{
    EtcdConfig, Fleet, Options, Rollout, RolloutEnd, RolloutHandle, RolloutStep, StagedRollout,
    TakeBackReason, field,
};
use etcd_config_tests::{GrpcProxy, Server, block_on, on_each_line, until_within};

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/service", layers("/service@{instance}"))]
struct Settings {
    #[etcd(default = 1)]
    workers: u32,
    #[etcd(default = 0, validate = below_a_hundred)]
    limit: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what a check is called with")]
fn below_a_hundred(limit: &u32) -> Result<(), String> {
    // What only some builds refuse: an edit here does not.
    let strict = std::env::var(NAME).is_ok_and(|name| name == "web-0");
    if strict && *limit >= 100 { Err("more than 99".to_owned()) } else { Ok(()) }
}

const ENDPOINT: &str = "ROLLOUT_ENDPOINT";
const NAME: &str = "ROLLOUT_NAME";
/// The operator dies at this step.
const DIES: &str = "ROLLOUT_DIES";
const LEASE: Duration = Duration::from_secs(2);
const SOON: Duration = Duration::from_secs(60);
const OBSERVE: Duration = Duration::from_secs(2);
/// Of the fleet that is rolled out to again and again.
const PROCESSES: usize = 20;

fn options(name: &str) -> Options<Settings> {
    Settings::options().placeholder("instance", name)
}

fn client(endpoint: String) -> Client {
    block_on(async { Client::new([endpoint]) }).unwrap()
}

/// A process of the fleet, or its operator; killed on drop.
struct Process {
    child: Child,
    /// What it has said last.
    said: BufReader<std::process::ChildStdout>,
}

impl Process {
    fn start(endpoint: &str, variables: &[(&str, &str)]) -> Self {
        let test = "rollout::to_twenty_processes_whose_operator_is_killed_at_each_step";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(ENDPOINT, endpoint)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// The next line that begins so, without that.
    fn says(&mut self, beginning: &str) -> Option<String> {
        let mut lines = self.said.by_ref().lines().map_while(Result::ok);
        lines.find_map(|line| line.strip_prefix(beginning).map(str::to_owned))
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Watches until somebody writes a line, and says what it has had in force then.
fn member(endpoint: String, name: &str) {
    let live = options(name).instance(name).instance_lease(LEASE).watch(client(endpoint)).unwrap();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(vec![live.load().workers]));
    let notes = std::sync::Arc::clone(&seen);
    let _noting = live.on_change(move |change| notes.lock().unwrap().push(change.after().workers));
    while live.status().instance.is_none() {
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("listed {name}");
    while io::stdin().lines().next().is_some_and(|line| line.is_ok()) {
        println!("seen {:?}", seen.lock().unwrap());
        let mut seen = seen.lock().unwrap();
        let last = seen.last().copied();
        *seen = last.into_iter().collect();
    }
}

/// Rolls out, and dies at a step.
fn operator(endpoint: String, dies: &str) {
    let client = client(endpoint);
    let dies = dies.to_owned();
    let die = move |here: &str| {
        if here == dies {
            std::process::abort();
        }
    };
    die("before");
    let plan = plan(&client);
    let probe = {
        let die = die.clone();
        move || {
            die("probe");
            Ok::<_, String>(())
        }
    };
    let rollout =
        Rollout::of(plan).to(["web-1", "web-2"]).within(SOON).observe(OBSERVE).by("operator").probe(probe);
    let rollout = rollout.on_step(move |step| {
        die(match step {
            RolloutStep::Staged { .. } => "staged",
            RolloutStep::InForce { .. } => "in force",
            _ => "promoted",
        });
    });
    rollout.promote().unwrap();
}

fn plan(client: &Client) -> etcd_config::Plan<Settings> {
    let edit = options("-").edit(client).unwrap();
    let workers = if workers(client) == 1 { 2 } else { 1 };
    edit.set(field!(Settings.workers), &workers).unwrap().plan().unwrap()
}

fn workers(client: &Client) -> u32 {
    options("-").load_once(client).unwrap().workers
}

fn found(client: &Client) -> Option<StagedRollout<Settings>> {
    options("-").rollouts(client).unwrap().into_rollouts().pop()
}

/// Nothing is left of a rollout: no record, nobody who works on one, no override.
fn assert_clean(client: &Client) {
    let prefix = Prefix::new("/service.rollout");
    until_within(SOON, "nobody works on it", || block_on(client.list(&prefix)).unwrap().entries.is_empty());
    for name in 0..PROCESSES {
        let layer = Prefix::new(&format!("/service@web-{name}"));
        assert!(block_on(client.list(&layer)).unwrap().entries.is_empty(), "{layer}");
    }
}

struct TestFleet {
    members: Vec<Process>,
    client: Client,
    observe: Duration,
}

impl TestFleet {
    fn start(endpoint: &str, processes: usize, observe: Duration) -> Self {
        let names: Vec<String> = (0..processes).map(|number| format!("web-{number}")).collect();
        let mut members: Vec<Process> =
            names.iter().map(|name| Process::start(endpoint, &[(NAME, name)])).collect();
        members.iter_mut().for_each(|member| assert!(member.says("listed").is_some()));
        Self { members, client: client(endpoint.to_owned()), observe }
    }

    /// What each has had in force since it was asked last, once all have what is there now.
    fn seen(&mut self) -> Vec<Vec<u32>> {
        use std::io::Write;
        let fleet = options("-").fleet(&self.client).unwrap();
        let now = block_on(self.client.list(&Prefix::new("/service"))).unwrap().revision;
        fleet.wait_for_revision(now, SOON).unwrap();
        let now = workers(&self.client);
        self.members
            .iter_mut()
            .map(|member| {
                loop {
                    member.child.stdin.as_mut().unwrap().write_all(b"?\n").unwrap();
                    let line = member.says("seen ").unwrap();
                    let numbers =
                        line.trim_matches(['[', ']']).split(", ").map(|number| number.parse().unwrap());
                    let seen: Vec<u32> = numbers.collect();
                    if seen.last() == Some(&now) {
                        break seen;
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
            })
            .collect()
    }

    /// Nobody has had a value twice, nor one that was nowhere; the chosen ones had it first, and may have lost it again.
    fn assert_seen(&mut self, before: u32, now: u32) {
        for (number, seen) in self.seen().into_iter().enumerate() {
            let other = 3 - before;
            let mut distinct = seen.clone();
            distinct.dedup();
            let is_chosen = number == 1 || number == 2;
            let is_allowed = if before == now {
                distinct == [before] || (is_chosen && distinct == [before, other, before])
            } else {
                distinct.ends_with(&[other]) && distinct.len() <= 2
            };
            assert!(is_allowed, "web-{number}: {seen:?}, from {before} to {now}");
        }
    }

    fn rollout(&self) -> Rollout<Settings> {
        Rollout::of(plan(&self.client)).to(["web-1", "web-2"]).within(SOON).observe(self.observe)
    }
}

#[test]
fn to_twenty_processes_whose_operator_is_killed_at_each_step() {
    if let Ok(endpoint) = std::env::var(ENDPOINT) {
        return match (std::env::var(NAME), std::env::var(DIES)) {
            (Ok(name), _) => member(endpoint, &name),
            (_, Ok(dies)) => operator(endpoint, &dies),
            _ => {}
        };
    }
    // One version will do for all this: what a rollout asks of a server are transactions and leases.
    let server = Server::builder().start();
    server.put("/service/workers", "1");
    let mut fleet = TestFleet::start(&server.endpoint(), PROCESSES, OBSERVE);
    let client = fleet.client.clone();
    for (number, dies) in ["before", "staged", "in force", "probe", "promoted"].into_iter().enumerate() {
        for resume in [true, false] {
            let before = workers(&client);
            let mut operator = Process::start(&server.endpoint(), &[(DIES, dies)]);
            operator.child.wait().unwrap();
            let expected = match dies {
                "before" => (false, before),
                "promoted" => (false, 3 - before),
                _ => (true, if resume { 3 - before } else { before }),
            };
            let found = found(&client);
            assert_eq!(found.is_some(), expected.0, "{dies}");
            if let Some(found) = found {
                assert!(found.record().is_ok() && found.to_string().contains("operator"), "{found}");
                if resume {
                    let gone = || self::found(&client).is_some_and(|found| found.driven_by().is_none());
                    until_within(SOON, "nobody drives it", gone);
                    let found = self::found(&client).unwrap();
                    found.within(SOON).observe(OBSERVE).resume().unwrap();
                } else {
                    found.abort().unwrap();
                }
            }
            assert_eq!(workers(&client), expected.1, "{dies}, {number}");
            assert_clean(&client);
            fleet.assert_seen(before, expected.1);
            println!("killed at {dies:?}, resumed: {resume}: fine");
        }
    }
    ends(&mut fleet);
}

#[test]
fn it_is_promoted_and_taken_back_on_each_line_and_behind_a_grpc_proxy() {
    on_each_line(|etcd| {
        for is_behind in [false, true] {
            let begin = Instant::now();
            let server = Server::builder().etcd(etcd).start();
            server.put("/service/workers", "1");
            let proxy = is_behind.then(|| GrpcProxy::before(&server));
            let endpoint = proxy.as_ref().map_or_else(|| server.endpoint(), GrpcProxy::endpoint);
            let mut fleet = TestFleet::start(&endpoint, 4, Duration::from_millis(500));
            promoted_and_taken_back(&mut fleet);
            assert_clean(&fleet.client);
            println!("etcd {}, behind a proxy: {is_behind}: {:?}", etcd.version(), begin.elapsed());
        }
    });
}

fn promoted_and_taken_back(fleet: &mut TestFleet) {
    let client = fleet.client.clone();
    let before = workers(&client);
    fleet.rollout().promote().unwrap();
    assert_eq!(workers(&client), 3 - before);
    fleet.assert_seen(before, 3 - before);

    let before = workers(&client);
    let error = fleet.rollout().probe(|| Err::<(), _>("bad")).promote().unwrap_err();
    assert!(matches!(taken_back(&error), TakeBackReason::Probe(_)), "{error}");
    fleet.assert_seen(before, before);
}

/// The ends that need no death of the operator.
fn ends(fleet: &mut TestFleet) {
    promoted_and_taken_back(fleet);

    let client = fleet.client.clone();
    let before = workers(&client);
    let rollout = fleet.rollout().observe(SOON);
    let handle: RolloutHandle = rollout.handle();
    let asker = handle.clone();
    let error = rollout
        .on_step(move |step| {
            if matches!(step, RolloutStep::InForce { .. }) {
                asker.abort("Ctrl-C");
            }
        })
        .promote()
        .unwrap_err();
    assert!(matches!(taken_back(&error), TakeBackReason::Asked(_)), "{error}");
    fleet.assert_seen(before, before);

    // One of the processes refuses what all others would take.
    let plan = options("-").edit(&client).unwrap().set_text("limit", "100").plan().unwrap();
    let error = Rollout::of(plan).to(["web-0", "web-1"]).within(SOON).observe(OBSERVE).promote().unwrap_err();
    let TakeBackReason::Refused(instance) = taken_back(&error) else { panic!("{error}") };
    assert_eq!(instance.name, "web-0");
    fleet.assert_seen(before, before);

    let driver = fleet.rollout().observe(SOON);
    let (sender, receiver) = std::sync::mpsc::channel();
    let driver = driver.on_step(move |step| {
        if matches!(step, RolloutStep::InForce { .. }) {
            sender.send(()).unwrap();
        }
    });
    let driver = std::thread::spawn(move || driver.promote());
    receiver.recv_timeout(SOON).unwrap();
    fleet.members[2].kill();
    let error = driver.join().unwrap().unwrap_err();
    assert_eq!(taken_back(&error), TakeBackReason::Gone("web-2".to_owned()), "{error}");
    assert_clean(&client);
    assert_eq!(Fleet::instances(&options("-").fleet(&client).unwrap()).len(), PROCESSES - 1);
}

fn taken_back(error: &etcd_config::Error) -> TakeBackReason {
    match error.rollout() {
        Some(RolloutEnd::TakenBack { reason, .. }) => reason.clone(),
        end => panic!("{end:?}: {error}"),
    }
}
