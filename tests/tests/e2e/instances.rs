//! Instances that are listed beside their prefix on real servers, attached to leases, and who waits for them.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_client_core::{Kind, LeaseId, Leased, LeasedPut, Store};
use etcd_config::{EtcdConfig, Fleet, InstanceLag, Live, Options, ProblemKind};
use etcd_config_tests::{Server, block_on, on_each_line, until, until_found, until_within};

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/service")]
struct Settings {
    #[etcd(default = 1)]
    workers: u32,
    #[etcd(secret)]
    pin: Option<u32>,
}

/// Where the server of a process is, and the name of its instance.
const ENDPOINT: &str = "INSTANCE_ENDPOINT";
const NAME: &str = "INSTANCE_NAME";
/// Servers grant no shorter lease by default.
const LEASE: Duration = Duration::from_secs(2);
const SOON: Duration = Duration::from_secs(30);

fn options(name: &str) -> Options<Settings> {
    Settings::options().instance(name).instance_version("1.0").instance_lease(LEASE)
}

fn client(endpoint: String) -> Client {
    block_on(async { Client::new([endpoint]) }).unwrap()
}

fn names(client: &Client) -> Vec<String> {
    let fleet = Fleet::of::<Settings>(client).unwrap();
    fleet.instances().iter().map(|instance| instance.name.clone()).collect()
}

fn listed(live: &Live<Settings>) -> String {
    until_found(SOON, || live.status().instance, || live.status().to_string())
}

/// What is wrong with its being listed.
fn warning(live: &Live<Settings>) -> Option<String> {
    let warnings = live.status().warnings.into_iter();
    warnings
        .filter(|warning| warning.kind() == ProblemKind::Instance)
        .map(|warning| warning.to_string())
        .next()
}

/// A process with an instance, killed on drop.
struct Process(Child);

impl Process {
    fn start(endpoint: &str, name: &str) -> Self {
        let test = "instances::twenty_are_listed_waited_for_and_gone_when_they_are_killed";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(ENDPOINT, endpoint)
            .env(NAME, name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = lines.map_while(Result::ok);
        assert!(said.any(|line| line.contains("is listed")), "the process has ended");
        Self(child)
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What such a process does, until it is killed.
fn process(endpoint: String) {
    let live = options(&std::env::var(NAME).unwrap()).watch(client(endpoint)).unwrap();
    println!("{} is listed", listed(&live));
    let _ = io::stdin().lines().next();
}

#[test]
fn twenty_are_listed_waited_for_and_gone_when_they_are_killed() {
    if let Ok(endpoint) = std::env::var(ENDPOINT) {
        return process(endpoint);
    }
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let client = client(server.endpoint());
        let mut killed = Process::start(&server.endpoint(), "killed");
        let _other = Process::start(&server.endpoint(), "other");
        let lives: Vec<_> =
            (0..18).map(|number| options(&format!("web-{number}")).watch(&client).unwrap()).collect();
        lives.iter().for_each(|live| drop(listed(live)));
        assert_eq!(names(&client).len(), 20);

        let written = Settings::update(&client, |edit| Ok(edit.set_text("workers", "2"))).unwrap();
        let fleet = Fleet::of::<Settings>(&client).unwrap();
        fleet.wait_for_revision(written.revision(), SOON).unwrap();
        assert!(lives.iter().all(|live| live.load().workers == 2));

        // Past the library; it is refused by all, and nobody prints the secret.
        server.put("/service/pin", "hunter2");
        let bad = until_found(SOON, || lives[0].status().last_rejection, || "refused".to_owned()).revision();
        let error = fleet.wait_for_revision(bad, SOON).unwrap_err();
        assert_eq!(error.lagging().len(), 20, "{error}");
        let is_refused = |why: &InstanceLag| matches!(why, InstanceLag::Refused { .. });
        assert!(error.lagging().iter().all(|lagging| is_refused(&lagging.why)), "{error}");
        assert!(!error.is_timeout() && !error.to_string().contains("hunter2"), "{error}");

        let (began, good) = (Instant::now(), {
            killed.kill();
            server.etcdctl(["del", "/service/pin"]);
            until("accepted", || lives[0].status().refused_since.is_none());
            lives[0].status().revision
        });
        // It does not have it, and does not count as soon as its lease is over.
        fleet.wait_for_revision(good, SOON).unwrap();
        assert!(!names(&client).contains(&"killed".to_owned()));
        println!("etcd {}: gone {:?} after it was killed", etcd.version(), began.elapsed());

        // The others go at once.
        drop(lives);
        assert_eq!(names(&client), ["other"]);
    });
}

/// What the store promises of a key that is put under a lease.
#[test]
fn a_key_under_a_lease_is_of_the_first_who_puts_it() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        block_on(async {
            let client = Client::new([server.endpoint()]).unwrap();
            let (first, second) =
                (client.grant_lease(SOON).await.unwrap(), client.grant_lease(SOON).await.unwrap());
            assert_eq!(first.ttl, SOON);
            let put = |key: &'static str, lease: LeaseId| {
                client.put_with_lease(LeasedPut { key: key.into(), value: "x".into(), lease })
            };
            let Leased::At { revision, created: true } = put("/k", first.id).await.unwrap() else {
                panic!("taken")
            };
            assert_eq!(put("/k", second.id).await.unwrap(), Leased::Taken);
            let again = put("/k", first.id).await.unwrap();
            assert_eq!(again, Leased::At { revision: revision + 1, created: false });
            client.put("/plain", "x").await.unwrap();
            assert_eq!(put("/plain", first.id).await.unwrap(), Leased::Taken);
            assert_eq!(client.keep_lease_alive(first.id).await.unwrap(), SOON);
            client.revoke_lease(first.id).await.unwrap();
            assert_eq!(client.get("/k").await.unwrap().count, 0);
            for error in [
                put("/k", first.id).await.unwrap_err(),
                client.keep_lease_alive(first.id).await.map(drop).unwrap_err(),
                client.revoke_lease(first.id).await.unwrap_err(),
            ] {
                assert_eq!(error.kind(), Kind::NotFound, "{} {error}", etcd.version());
            }
            assert_eq!(put("/k", LeaseId::NONE).await.unwrap_err().kind(), Kind::InvalidInput);
            assert!(matches!(put("/k", second.id).await, Ok(Leased::At { .. })));
        });
    });
}

#[test]
fn two_of_one_name_and_one_that_is_started_again_at_once() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let (first, second) = (client(server.endpoint()), client(server.endpoint()));
        let one = options("web").watch(&first).unwrap();
        assert_eq!(listed(&one), "web");
        let two = options("web").watch(&second).unwrap();
        assert_eq!(listed(&two), "web~2");
        assert!(warning(&two).is_some() && warning(&one).is_none());
        drop(one);
        until("its own name", || two.status().instance.as_deref() == Some("web"));
        until("no warning", || warning(&two).is_none());
        assert_eq!(names(&second), ["web"]);
    });
}

#[test]
fn a_user_who_may_not_write_there_is_warned_and_listed_once_it_is_granted() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        server.enable_auth("of-root");
        server.add_user("app", "secret", "/service/");
        let client = block_on(async {
            Client::builder().endpoints([server.endpoint()]).user("app", "secret").build()
        })
        .unwrap();
        let live = options("web").watch(&client).unwrap();
        let said = until_found(SOON, || warning(&live), || live.status().to_string());
        let grant = "grant the user a role that may read and write all of /service.fleet/";
        assert!(said.contains(grant) && said.contains("app"), "{said}");
        server.put("/service/workers", "3");
        until("in force", || live.load().workers == 3);
        let error = Fleet::of::<Settings>(&client).unwrap_err();
        assert!(
            error.is_access() && error.to_string().contains("may read all of /service.fleet/"),
            "{error}"
        );

        server.etcdctl(["role", "grant-permission", "--prefix=true", "app", "readwrite", "/service.fleet/"]);
        assert_eq!(listed(&live), "web");
        until("no warning", || warning(&live).is_none());
        assert_eq!(names(&client), ["web"]);
        drop(live);
        assert!(names(&client).is_empty());
    });
}

#[test]
fn a_server_without_space_keeps_who_is_there_and_takes_nobody() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).flag("--quota-backend-bytes", "16777216").start();
        let client = client(server.endpoint());
        let there = options("there").watch(&client).unwrap();
        assert_eq!(listed(&there), "there");
        block_on(async {
            for number in 0..40 {
                if client.put(format!("/ballast/{number}"), vec![0; 1 << 20]).await.is_err() {
                    break;
                }
            }
        });
        let late = options("late").watch(&client).unwrap();
        let said = until_found(SOON, || warning(&late), || late.status().to_string());
        assert!(said.contains("space"), "{said}");
        // Leases are kept alive all the same.
        std::thread::sleep(LEASE * 3);
        assert_eq!(names(&client), ["there"]);
        assert!(late.status().state.is_watching() && there.status().is_current());

        server.etcdctl(["del", "--prefix", "/ballast/"]);
        let newest = Fleet::of::<Settings>(&client).unwrap().revision().to_string();
        server.etcdctl(["compact", newest.as_str()]);
        server.etcdctl(["defrag"]);
        server.etcdctl(["alarm", "disarm"]);
        // It is tried ever more seldom.
        until_within(SOON * 3, "listed", || late.status().instance.as_deref() == Some("late"));
        until("no warning", || warning(&late).is_none());
    });
}

/// A server that is stopped for longer than a lease, and one that is started with other data.
#[test]
fn they_come_back_after_an_outage_and_on_a_server_with_other_data() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let client = client(server.endpoint());
        let live = options("web").watch(&client).unwrap();
        assert_eq!(listed(&live), "web");
        server.kill();
        std::thread::sleep(LEASE * 2);
        server.restart();
        until_within(SOON, "listed again", || names(&client) == ["web"]);
        server.wipe();
        server.restart();
        until_within(SOON * 2, "listed on the new server", || names(&client) == ["web"]);
    });
}
