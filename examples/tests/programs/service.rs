//! The service, from its first start to its end, on a real server; and on its store in memory.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Command, Output};

use etcd_config_tests::{SOON, Server, until, until_found};
use rustix::process::Signal;
use serde_json::Value;

use crate::http::{self, Reply, connect, get, post};
use crate::program::{Program, example};

/// A service, and where it listens.
struct Service {
    program: Program,
    address: String,
}

impl Service {
    fn start(command: &mut Command) -> Self {
        let program = Program::start(command.env("LISTEN", "127.0.0.1:0"));
        let address = program.says("listening on http://");
        Self { program, address }
    }

    fn pay(&self, tenant: &str) -> Reply {
        post(&self.address, &format!("/tenants/{tenant}/payments"), "250")
    }

    fn pool_is(&self, size: u32) -> bool {
        self.pay("acme").body == format!("250 of acme booked over one of {size} connections\n")
    }

    fn json(&self, name: &str) -> Value {
        let reply = get(&self.address, &format!("/internal/config/{name}.json"));
        serde_json::from_str(&reply.body).unwrap_or_else(|error| panic!("{error}: {reply:?}"))
    }

    /// What is refused, as soon as it is, with this in it.
    #[track_caller]
    fn refuses(&self, what: &str) {
        let refused = || Some(self.json("problems")["refused"].to_string()).filter(|it| it.contains(what));
        until_found(SOON, refused, || format!("{what} is refused: {}", self.json("problems")));
    }

    fn accepts(&self) -> bool {
        self.json("status")["refused_since"].is_null()
    }
}

/// `service config …`.
fn config(server: &Server, args: &[&str]) -> Output {
    let mut command = example("service");
    command.env("INSTANCE", "-").arg("config").args(args).args(["--endpoints", &server.endpoint()]);
    command.output().expect("it starts")
}

fn fleet(server: &Server) -> String {
    server.etcdctl(["get", "--prefix", "--keys-only", "/payments.fleet/"])
}

const SEED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/service/seed.yaml");

#[test]
fn from_the_first_start_to_the_end() {
    let server = Server::start();
    let start = || {
        let mut command = example("service");
        command.args(["--endpoints", &server.endpoint(), "--instance", "web-7"]);
        command
    };
    // Nothing is there, and that is said.
    let mut early = Program::start(&mut start());
    assert!(!early.ends().success());
    early.says("/payments/database/url");
    assert_eq!(config(&server, &["check"]).status.code(), Some(1));
    let seeded = config(&server, &["seed", SEED, "--yes"]);
    assert!(seeded.status.success(), "{seeded:?}");
    assert_eq!(config(&server, &["check"]).status.code(), Some(0));

    let service = Service::start(&mut start());
    assert!(service.pool_is(10));
    until("it is listed", || fleet(&server).contains("/payments.fleet/web-7"));
    server.put("/payments@web-7/database/pool_size", "15");
    until("it has its own layer", || service.pool_is(15));
    server.etcdctl(["del", "/payments@web-7/database/pool_size"]);
    until("it has what all have", || service.pool_is(10));
    what_is_written_takes_effect(&server, &service);
    what_does_not_fit_is_refused_and_seen(&server, &service);
    for secret in ["not-a-real-one", "hunter2"] {
        assert!(!service.program.said().contains(secret), "{}", service.program.said());
    }
    it_ends_when_it_is_asked_to(&server, service);
}

fn what_is_written_takes_effect(server: &Server, service: &Service) {
    assert!(!service.program.said().contains("a payment"));
    server.put("/payments/log/level", "debug");
    until("each payment is logged", || service.pool_is(10) && service.program.said().contains("a payment"));
    server.put("/payments/database/pool_size", "20");
    until("the pool has grown", || service.pool_is(20));
    server.put("/payments/database/password", "hunter2");

    assert_eq!(service.pay("globex").status, 404);
    server.put("/payments/tenants/globex/max_amount", "100");
    until("there is another tenant", || service.pay("globex").status == 422);
    server.put("/payments/features/payments", "false");
    until("payments are switched off", || service.pay("acme").status == 503);
    server.put("/payments/features/payments", "true");
    until("payments are switched on", || service.pay("acme").status == 200);
    let txn = "\nput /payments/limits/per_second 0\nput /payments/limits/burst 1\n\n\n";
    server.try_etcdctl(["txn"], txn).expect("it is written");
    until("nothing is let through", || service.pay("acme").status == 429);
    server.etcdctl(["del", "--prefix", "/payments/limits/"]);
    until("requests are let through", || service.pay("acme").status == 200);
}

fn what_does_not_fit_is_refused_and_seen(server: &Server, service: &Service) {
    let get = |path: &str| get(&service.address, path);
    server.put("/payments/database/pool_size", "0");
    service.refuses("must be at least 1");
    assert!(!service.accepts() && service.pool_is(20));
    // It is seen by people, and takes nobody out.
    let page = get("/internal/config");
    assert!(page.status == 200 && page.body.contains("must be at least 1"), "{page:?}");
    assert!(!page.body.contains("hunter2"), "{page:?}");
    assert_eq!((get("/readyz").status, get("/healthz").status), (200, 200));
    let rejecting = |metrics: &Reply| {
        metrics.body.lines().any(|line| line.starts_with("etcd_config_rejecting{") && line.ends_with(" 1"))
    };
    assert!(rejecting(&get("/metrics")) && rejecting(&get("/internal/config/metrics")));
    server.put("/payments/database/pool_size", "30");
    until("it is in force", || service.pool_is(30));
    assert!(service.accepts() && !rejecting(&get("/metrics")));

    // What fits, and cannot be connected to.
    server.put("/payments/database/url", "postgres://nowhere/payments");
    service.refuses("nowhere/payments: connection refused");
    assert!(service.pool_is(30));
    server.put("/payments/database/url", "postgres://other/payments");
    until("it is in force", || service.accepts());
    server.put("/payments/log/level", "loud");
    service.refuses("loud");
    server.put("/payments/log/level", "info");
    until("it is in force", || service.accepts());

    assert!(get("/internal/config/").body.contains("<html"), "with a slash at its end as well");
    assert_eq!((get("/internal/config/other").status, get("/internal").status), (404, 404));
}

fn it_ends_when_it_is_asked_to(server: &Server, mut service: Service) {
    // A page that somebody looks at, and a request that has not come to its end.
    let mut events = connect(&service.address);
    events.write_all(b"GET /internal/config/events HTTP/1.1\r\nhost: x\r\n\r\n").expect("it is sent");
    http::until(&mut events, "event:");
    let mut under_way = connect(&service.address);
    let head = "POST /tenants/acme/payments HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n";
    under_way.write_all(head.as_bytes()).expect("it is sent");
    http::until(&mut under_way, "100 Continue\r\n\r\n");

    service.program.signal(Signal::TERM);
    http::rest(events);
    until("nobody is let in any more", || TcpStream::connect(&service.address).is_err());
    under_way.write_all(b"300").expect("it is sent");
    let reply = http::rest(under_way);
    assert!(reply.contains("200 OK") && reply.contains("300 of acme booked"), "{reply}");
    let status = service.program.ends();
    assert!(status.success(), "{status}: {}", service.program.said());
    assert!(!service.program.said().contains("given up"), "{}", service.program.said());
    assert_eq!(fleet(server).trim(), "");
}

/// One name for all would be one layer for all.
#[test]
fn each_process_has_a_name_of_its_own() {
    let server = Server::start();
    assert!(config(&server, &["seed", SEED, "--yes"]).status.success());
    let start = |pod: Option<&str>| {
        let mut command = example("service");
        command.args(["--endpoints", &server.endpoint()]).env_remove("POD_NAME");
        Service::start(command.envs(pod.map(|name| ("POD_NAME", name))))
    };
    let services = [start(Some("payments-7f9-x2")), start(None), start(None)];
    let names = || -> Vec<String> {
        fleet(&server).lines().map(str::to_owned).filter(|name| !name.is_empty()).collect()
    };
    until("all are listed", || names().len() == services.len());
    assert!(names().contains(&"/payments.fleet/payments-7f9-x2".to_owned()), "{:?}", names());
    assert!(!names().iter().any(|name| name.contains('~')), "{:?}", names());
}

#[test]
fn the_environment_counts_beside_the_endpoints() {
    let mut command = example("service");
    command.env("ETCDCTL_INSECURE_TRANSPORT", "false").args(["--endpoints", "http://127.0.0.1:1"]);
    let mut service = Program::start(&mut command);
    assert!(!service.ends().success());
    service.says("ETCDCTL_INSECURE_TRANSPORT is false");
}

#[test]
fn without_a_server_what_is_typed_is_written() {
    let mut service = Service::start(&mut example("service"));
    service.program.says("NO ETCD: the settings are in memory, from seed.yaml");
    service.program.types("database/pool_size 20");
    until("the pool has grown", || service.pool_is(20));
    service.program.types("database/pool_size 0");
    service.refuses("must be at least 1");
    assert!(service.pool_is(20));
    service.program.signal(Signal::INT);
    assert!(service.program.ends().success());
    let check =
        example("service").env("INSTANCE", "-").args(["config", "check"]).output().expect("it starts");
    assert!(check.status.success(), "{check:?}");
}
