//! What etcd itself does not accept, and what it goes on doing then.

use std::time::Duration;

use etcd_client_core::Kind;
use etcd_client_core::v3::Client;
use etcd_config::EtcdConfig;
use etcd_config_tests::{Server, servers};

use crate::witness::Flat;

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

/// R26
#[tokio::test]
async fn a_full_disk_quota_stops_writes_and_nothing_else() {
    let server = Server::builder().flag("--quota-backend-bytes", "16777216").start();
    let client = Client::new([server.endpoint()]).expect("a client");
    client.put("/app/all/a", "1").await.expect("written");
    let live = Flat::watch_async(client.clone()).await.expect("a first snapshot");
    let error = loop {
        if let Err(error) = client.put("/filler", vec![b'x'; MEBIBYTE]).await {
            break error;
        }
    };
    assert_eq!((error.kind(), error.code()), (Kind::NoSpace, Some(8)), "{error}");
    client.delete("/app/all/a").await.expect("deletions are served");
    live.wait_until_async(|flat| flat.all.is_empty(), Duration::from_secs(3)).await.expect("watched");
    assert!(Flat::load_once(&client).is_ok(), "reads are served");
}
