//! Clusters of three without a quorum, and members that have lost their cluster.

use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::Kind;
use etcd_client_core::v3::Client;
use etcd_config::{Live, State, Status};
use etcd_config_tests::{
    Flat, History, PREFIX, Proxy, Server, Stage, Witness, on_each_line, on_each_line_and_layers, soon,
};
use tokio::runtime::Runtime;

const KEY: &str = "L2FwcC9hbGwvYQ=="; // /app/all/a, as the JSON gateway wants it

fn is_without_quorum(status: &Status) -> bool {
    matches!(status.state, State::NoQuorum(_))
}

fn runtime() -> Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime")
}

/// A configuration that is watched at `member`, and knows how to reach `other`.
fn watched_at(stage: Stage, member: &Server, other: &Server) -> (Proxy, Live<Flat>) {
    let elsewhere = Proxy::to(&other.address());
    elsewhere.refuse(true);
    let live = stage.watch([member.endpoint(), elsewhere.endpoint()]).expect("a first snapshot");
    Witness::of(&live).watches(Duration::from_secs(5));
    assert_eq!(live.status().endpoint, Some(member.endpoint()));
    elsewhere.accept();
    (elsewhere, live)
}

#[test]
fn r08_a_member_that_has_lost_its_leader_says_so_and_the_watch_goes_on_elsewhere() {
    on_each_line(|etcd| {
        let cluster = Server::builder().etcd(etcd).peer_proxies().start_cluster();
        let lonely = cluster.follower();
        let (cut_off, other) = (cluster.member(lonely), cluster.member((lonely + 1) % 3));
        let history = History::of(other, PREFIX);
        history.put("a", "1");
        let (elsewhere, live) = watched_at(Stage::v3(etcd), cut_off, other);
        let witness = Witness::of(&live);
        let runtime = runtime();
        let client = Client::new([cut_off.endpoint()]).expect("a client");
        let mut bare = runtime.block_on(async { client.watch("/a").await }).expect("a watch");

        cluster.isolate(lonely);
        let start = Instant::now();
        let error = runtime.block_on(soon(bare.next())).expect("an end with a reason").expect_err("no event");
        assert_eq!((error.kind(), error.code()), (Kind::NoLeader, Some(14)), "{error}");
        assert!(error.to_string().contains(&cut_off.endpoint()), "{error}");
        let left = Duration::from_secs(6).saturating_sub(start.elapsed());
        let goes_on = |status: &Status| status.endpoint == Some(elsewhere.endpoint());
        witness.waits_for("elsewhere", left, goes_on);
        history.put("a", "2");
        witness.converges(&history, Duration::from_secs(2));
    });
}

#[test]
fn r18_r20_a_lost_quorum_is_said_and_healed() {
    on_each_line_and_layers(|stage| {
        let cluster = stage.server().start_cluster();
        let history = stage.history(cluster.member(0));
        history.put("a", "1");
        let live = stage.options().watch(cluster.endpoints()).expect("a first snapshot");
        let witness = Witness::watching(&live);
        let endpoint = live.status().endpoint.expect("the endpoint in use");
        let others = cluster.members().iter().filter(|member| member.endpoint() != endpoint);
        let client = Client::builder().endpoints([endpoint.clone()]).timeout(Duration::from_secs(8));
        let client = client.max_retries(3).build().expect("a client");
        let runtime = runtime();
        runtime.block_on(async { client.get("/unknown").await }).expect("connected");

        others.clone().for_each(Server::pause);
        // Sent before the member has noticed: the write hangs, and its outcome is not known.
        let unknown = runtime.spawn(client.put("/unknown", "1").into_future());
        witness.waits_for("without quorum", Duration::from_secs(6), is_without_quorum);
        assert_eq!(live.load().all["a"], "1");
        assert!(live.status().to_string().contains("no leader"), "{}", live.status());
        let refused = runtime.block_on(async { client.watch("/a").await }).expect_err("no quorum");
        assert_eq!(refused.kind(), Kind::NoLeader, "{refused}");
        let unknown = runtime.block_on(unknown).expect("no panic").expect_err("no quorum");
        assert!(unknown.maybe_applied(), "{unknown}");

        others.for_each(Server::resume);
        cluster.wait_until_healthy();
        history.put("a", "2");
        witness.converges(&history, Duration::from_secs(5));
        let read = runtime.block_on(async { client.get("/unknown").await }).expect("read");
        let version = read.kv().map(|kv| kv.version);
        assert!(version.is_none_or(|version| version == 1), "a write of unknown outcome was sent again");
    });
}

/// Why the client always asks for a leader.
#[test]
fn r19_progress_goes_on_without_a_quorum_unless_a_leader_is_asked_for() {
    on_each_line(|etcd| {
        let renamed = etcd.version().line() >= (3, 6);
        let experimental = if renamed { "" } else { "experimental-" };
        let interval = format!("--{experimental}watch-progress-notify-interval");
        let cluster = Server::builder().etcd(etcd).flag(&interval, "1s").start_cluster();
        let (lonely, others) = (cluster.member(0), &cluster.members()[1..]);
        let question = format!(r#"{{"create_request": {{"key": "{KEY}", "progress_notify": true}}}}"#);
        let listen =
            |headers| lonely.gateway_stream("/v3/watch", headers, &question, Duration::from_secs(16));
        let runtime = runtime();
        let client = Client::new([lonely.endpoint()]).expect("a client");
        let mut ours = runtime.block_on(async { client.watch("/a").await }).expect("a watch");
        thread::scope(|scope| {
            let careless = scope.spawn(|| listen("x-nothing: true"));
            let careful = scope.spawn(|| listen("Grpc-Metadata-hasleader: true"));
            thread::sleep(Duration::from_secs(1));
            others.iter().for_each(Server::pause);
            let (progress, ended) = careless.join().expect("no panic");
            let count = progress.matches(r#""header""#).count();
            assert!(!ended && count > 12, "{count} answers in 16 s: {progress}");
            let (text, _) = careful.join().expect("no panic");
            assert!(text.contains("no leader"), "{text}");
        });
        let error = runtime.block_on(soon(ours.next())).expect("an end with a reason").expect_err("no event");
        assert_eq!(error.kind(), Kind::NoLeader, "{error}");
    });
}

#[test]
fn r21_a_member_cut_off_from_its_cluster_is_left_and_nothing_stale_is_read() {
    on_each_line_and_layers(|stage| {
        let cluster = stage.server().peer_proxies().start_cluster();
        let lonely = cluster.follower();
        let (cut_off, other) = (cluster.member(lonely), cluster.member((lonely + 1) % 3));
        let history = stage.history(other);
        history.put("a", "1");
        let (_elsewhere, live) = watched_at(stage, cut_off, other);
        let witness = Witness::of(&live);

        cluster.isolate(lonely);
        let start = Instant::now();
        other.wait_until_healthy();
        history.put("a", "2");
        history.delete("a");
        history.put("b", "1");
        witness.converges(&history, Duration::from_secs(8).saturating_sub(start.elapsed()));
        assert_ne!(live.status().endpoint, Some(cut_off.endpoint()));

        // A configuration that knows no other member says why it has nothing newer.
        let alone = stage.options().startup_timeout(Duration::from_secs(2)).watch(cut_off.endpoint());
        let error = alone.expect_err("no stale read");
        assert_eq!(error.store().expect("an error of the store").kind(), Kind::NoLeader, "{error}");
        cluster.reunite();
        cut_off.wait_until_healthy();
        stage.options().watch(cut_off.endpoint()).expect("it is back");
    });
}
