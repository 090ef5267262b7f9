//! Keys that end by themselves.

use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_config_tests::{
    GrpcProxy, History, Server, Watched, block_on, on_each_line, on_each_line_and_layers,
};

/// Writes keys that live for a second, and one that is kept alive, and waits until the others have
/// ended.
fn expire(server: &Server, history: &History<'_>, names: [&str; 2]) {
    let (before, _) = history.head();
    block_on(async {
        let client = Client::new([server.endpoint()]).expect("a client");
        let brief = client.lease_grant(1).await.expect("a lease").id;
        let kept = client.lease_grant(60).await.expect("a lease").id;
        for (name, lease) in [(names[0], brief), (names[1], brief), ("kept", kept)] {
            let mut txn = client.txn();
            for key in history.keys(name) {
                txn = txn.then(client.put(key, "leased").lease(lease));
            }
            txn.await.expect("written");
        }
        client.lease_keep_alive(kept).await.expect("kept alive");
    });
    let start = Instant::now();
    while {
        history.read();
        names.iter().any(|name| history.head().1.contains_key(*name))
    } {
        assert!(start.elapsed() < Duration::from_secs(30), "the lease does not end");
        thread::sleep(Duration::from_millis(50));
    }
    history.catch_up(before);
}

#[test]
fn keys_whose_lease_ends_are_gone_whether_anybody_was_watching_or_not() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().start();
        let history = stage.history(&server);
        history.write([("a", Some("1")), ("b", Some("1"))]);
        let options = stage.options().audit_interval(None);
        let Watched { proxy, live, witness } = stage.watched_with(&server, options);

        expire(&server, &history, ["a", "while watching"]);
        witness.converges(&history, Duration::from_secs(5));
        assert!(live.load().all.keys().eq(["b", "kept"]));

        proxy.shut();
        witness.notices_a_loss(Duration::from_secs(2));
        expire(&server, &history, ["b", "while away"]);
        proxy.accept();
        witness.converges(&history, Duration::from_secs(10));
        assert!(live.load().all.keys().eq(["kept"]));

        proxy.shut();
        witness.notices_a_loss(Duration::from_secs(2));
        expire(&server, &history, ["c", "d"]);
        history.compact();
        proxy.accept();
        witness.converges(&history, Duration::from_secs(10));
        assert_eq!(live.status().counters.rewinds, 0);
    });
}

/// etcd's own gRPC proxy takes the end of a request for the end of the wish to keep the lease alive.
#[test]
fn a_lease_is_kept_alive_through_a_grpc_proxy() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let proxy = GrpcProxy::before(&server);
        block_on(async {
            let client = Client::new([proxy.endpoint()]).expect("a client");
            let lease = client.lease_grant(3).await.expect("a lease");
            client.put("/kept", "1").lease(lease.id).await.expect("written");
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(8) {
                let kept = client.lease_keep_alive(lease.id).await.expect("kept alive");
                assert!(kept.ttl + 1 >= lease.ttl, "{kept:?} of {lease:?}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            assert_eq!(client.get("/kept").await.expect("an answer").count, 1);
        });
    });
}
