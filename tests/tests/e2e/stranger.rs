//! Endpoints beside a good one that are not what the list takes them for.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::Kind;
use etcd_client_core::v3::Client;
use etcd_config::EtcdConfig;
use etcd_config_tests::{
    Answer, Certificates, Flat, History, PREFIX, Proxy, Reply, Scripted, Server, Witness, on_each_line,
    over_each_api,
};

/// Whichever of them is asked first, on each of so many starts.
const STARTS: usize = 6;

#[test]
fn one_good_endpoint_among_bad_ones_is_enough() {
    let server = Server::start();
    let history = History::of(&server, PREFIX);
    history.put("a", "1");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = format!("http://{}", silent.local_addr().expect("an address"));
    let babbling = Scripted::always(Reply::new(200, "hello"));
    let rude = Scripted::always(Reply::hang_up());
    let endpoints =
        ["http://no-such-host.invalid:2379".to_owned(), silent, babbling.endpoint(), rude.endpoint()];
    for _ in 0..STARTS {
        let start = Instant::now();
        let live = Flat::watch(endpoints.clone().into_iter().chain([server.endpoint()]).collect::<Vec<_>>());
        let live = live.expect("a first snapshot");
        let witness = Witness::of(&live);
        witness.watches(Duration::from_secs(10));
        history.put("a", &format!("{:?}", start.elapsed()));
        witness.converges(&history, Duration::from_secs(2));
        assert_eq!(live.status().endpoint, Some(server.endpoint()));
    }
}

/// The default limits leave time for one that hangs and for one that answers.
#[test]
fn a_service_starts_beside_an_endpoint_that_hangs_whichever_is_asked_first() {
    over_each_api(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.put("a", "1");
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let silent = format!("http://{}", silent.local_addr().expect("an address"));
        thread::scope(|scope| {
            for _ in 0..STARTS {
                scope.spawn(|| {
                    let live = stage.watch([silent.clone(), server.endpoint()]).expect("a first snapshot");
                    Witness::of(&live).watches(Duration::from_secs(10));
                    assert_eq!(live.status().endpoint, Some(server.endpoint()));
                });
            }
        });
    });
}

/// Another service behind the right port speaks gRPC, and has never heard of etcd's.
#[test]
fn another_grpc_service_is_passed_over() {
    let server = Server::start();
    server.put("/app/all/a", "1");
    let other = Proxy::to("127.0.0.1:1");
    other.answer(Answer::grpc(12, "unknown service etcdserverpb.KV"));
    let alone = Flat::options().startup_timeout(Duration::from_secs(1)).watch(other.endpoint());
    let text = alone.expect_err("no etcd").to_string();
    assert!(text.contains("unknown service") && text.contains(&other.endpoint()), "{text}");
    for _ in 0..STARTS {
        let live = Flat::watch(vec![other.endpoint(), server.endpoint()]).expect("a first snapshot");
        Witness::of(&live).watches(Duration::from_secs(5));
        assert_eq!(live.status().endpoint, Some(server.endpoint()));
    }
}

/// Nobody knows what it means, so it may be the trouble of one server alone.
#[test]
fn an_endpoint_that_fails_in_a_way_of_its_own_is_left_for_another() {
    let server = Server::start();
    let history = History::of(&server, PREFIX);
    history.put("a", "1");
    let failing = Proxy::to("127.0.0.1:1");
    failing.answer(Answer::grpc(2, "input/output error"));
    for n in 0..STARTS {
        let live = Flat::watch(vec![failing.endpoint(), server.endpoint()]).expect("a first snapshot");
        let witness = Witness::watching(&live);
        assert_eq!(live.status().endpoint, Some(server.endpoint()));
        history.put("a", &n.to_string());
        witness.converges(&history, Duration::from_secs(2));
    }
}

/// A member that is to join answers no reads yet; it is in the list of endpoints already.
#[test]
fn a_learner_is_passed_over_and_said_where_it_is_alone() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let learner = server.add_learner();
        let start = Instant::now();
        loop {
            let alone = Flat::options().startup_timeout(Duration::from_secs(2)).watch(learner.endpoint());
            let text = alone.expect_err("learners serve nobody").to_string();
            assert!(text.contains(&learner.endpoint()), "{text}");
            if text.contains("learner") {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "it is still not there: {text}");
        }
        for _ in 0..STARTS {
            let live = Flat::watch(vec![learner.endpoint(), server.endpoint()]).expect("a first snapshot");
            let witness = Witness::watching(&live);
            history.put("a", "2");
            witness.converges(&history, Duration::from_secs(2));
        }
    });
}

/// The server shows a certificate of somebody else's for a while: it is not believed.
#[test]
fn a_server_with_the_certificate_of_another_authority_is_not_let_in() {
    on_each_line(|etcd| {
        let (certificates, others) = (Certificates::new(), Certificates::new());
        let server = Server::builder().etcd(etcd).mutual_tls(&certificates).start();
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        let proxy = Proxy::to(&server.address());
        let tls = etcd_client_core::Tls::new().ca_file(certificates.ca_file()).expect("the authority");
        let identity = certificates.client();
        let tls = tls.identity_files(identity.certificate, identity.key).expect("the client's files");
        let endpoint = format!("https://{}", proxy.address());
        let client = Client::builder().endpoints([endpoint]).tls(tls).build().expect("a client");
        let live = Flat::watch(client).expect("a first snapshot");
        let witness = Witness::watching(&live);

        let (ours, theirs) = (certificates.server(), others.server());
        let [certificate, key] =
            [&ours.certificate, &ours.key].map(|file| std::fs::read(file).expect("read"));
        std::fs::copy(&theirs.certificate, &ours.certificate).expect("copied");
        std::fs::copy(&theirs.key, &ours.key).expect("copied");
        proxy.cut();
        let told = |status: &etcd_config::Status| {
            let text = status.to_string();
            text.contains("certificate") && text.contains(&proxy.address())
        };
        witness.waits_for("told", Duration::from_secs(5), told);
        history.put("a", "2");
        assert_eq!(live.load().all["a"], "1");
        let error = live.status().state.error().cloned().expect("an error");
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");

        std::fs::write(&ours.certificate, certificate).expect("written");
        std::fs::write(&ours.key, key).expect("written");
        witness.converges(&history, Duration::from_secs(5));
    });
}
