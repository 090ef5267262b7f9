//! What etcd itself does not accept, and what it goes on doing then.

use std::time::Duration;

use etcd_client_core::v3::Client;
use etcd_client_core::{Kind, v2};
use etcd_config::EtcdConfig;
use etcd_config_tests::{Flat, History, PREFIX, Server, Witness, on_each_line_and_layers, servers};

const MEBIBYTE: usize = 1024 * 1024;

#[tokio::test]
async fn a_value_over_the_limit_of_etcd_is_refused_by_name() {
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        let client = Client::new([server.endpoint()]).expect("a client");
        // Over 1.5 MiB etcd refuses the value, over 2 MiB gRPC refuses the message.
        for size in [MEBIBYTE * 8 / 5, MEBIBYTE * 5 / 2] {
            let error = client.put("/app/all/big", vec![b'x'; size]).await.expect_err("too large");
            assert_eq!(error.kind(), Kind::TooLarge, "{size} bytes: {error}");
            assert!(!error.maybe_applied(), "{size} bytes: {error}");
        }
        client.put("/app/all/big", vec![b'x'; MEBIBYTE]).await.expect("within the limit");
        let live = Flat::watch_async(client).await.expect("a first snapshot");
        assert_eq!(live.load().all["big"].len(), MEBIBYTE);
    }
}

#[test]
fn limits_of_any_length_are_as_good_as_none() {
    let server = Server::builder().etcd(servers::with_v2().pop().expect("a server with v2")).v2().start();
    let history = History::of(&server, PREFIX);
    history.put("a", "1");
    let over_v3 = Client::builder()
        .endpoints([server.endpoint()])
        .timeout(Duration::MAX)
        .connect_timeout(Duration::MAX)
        .build()
        .expect("a client");
    let live = Flat::watch(over_v3).expect("a first snapshot");
    let witness = Witness::watching(&live);
    history.put("a", "2");
    witness.converges(&history, Duration::from_secs(2));
    let over_v2 = v2::Client::builder()
        .endpoints([server.endpoint()])
        .timeout(Duration::MAX)
        .connect_timeout(Duration::MAX)
        .build()
        .expect("a client");
    let live = Flat::watch(over_v2).expect("a first snapshot");
    Witness::watching(&live);
}

#[test]
fn r26_a_full_disk_quota_stops_writes_and_nothing_else() {
    on_each_line_and_layers(|stage| {
        let server = stage.server().flag("--quota-backend-bytes", "16777216").start();
        let history = stage.history(&server);
        history.put("a", "1");
        let before = history.put("b", "1");
        let live = stage.options().watch(server.endpoint()).expect("a first snapshot");
        let witness = Witness::watching(&live);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = Client::new([server.endpoint()]).expect("a client");
        let fill = async {
            loop {
                if let Err(error) = client.put("/filler", vec![b'x'; MEBIBYTE]).await {
                    break error;
                }
            }
        };
        let error = runtime.block_on(fill);
        assert_eq!((error.kind(), error.code()), (Kind::NoSpace, Some(8)), "{error}");
        // Is still served; in a transaction 3.5 would refuse it.
        for key in history.keys("a") {
            server.etcdctl(["del", &key]);
        }
        history.catch_up(before);
        witness.converges(&history, Duration::from_secs(3));
        assert_eq!((live.status().counters.losses, live.load().all.len()), (0, 1));
        assert_eq!(
            stage.options().load_once(server.endpoint()).expect("reads are served").all,
            live.load().all
        );
    });
}
