//! A configuration of several layers over real servers.

use std::time::Duration;

use etcd_config::{EtcdConfig, Options};
use etcd_config_tests::{Server, block_on, on_each_line, until};

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/layered", layers("/layered@{zone}", "/layered@{instance}"))]
struct Layered {
    low: u32,
    high: u32,
    #[etcd(default = "info", alias = "verbosity")]
    level: String,
}

fn options() -> Options<Layered> {
    Layered::options().placeholder("zone", "eu-1").placeholder("instance", "web-1")
}

/// `low` is in the lowest layer, `high` in another one, and both are always written together.
#[test]
fn a_transaction_over_layers_is_never_seen_half() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let client = etcd_config::client::v3::Client::new([server.endpoint()]).expect("a client");
        let write = |number: u32| {
            let value = number.to_string();
            let layer = if number.is_multiple_of(2) { "/layered@eu-1" } else { "/layered@web-1" };
            block_on(async {
                let mut txn = client.txn().then(client.put("/layered/low", value.as_str()));
                txn = txn.then(client.put(format!("{layer}/high").as_str(), value.as_str()));
                if number.is_multiple_of(2) {
                    txn = txn.then(client.delete("/layered@web-1/high"));
                }
                txn.await.expect("written").header.revision
            })
        };
        write(0);
        let live = options().watch(server.endpoint()).expect("a first snapshot");
        live.on_change(|change| assert_eq!(change.after().low, change.after().high, "a torn callback"));
        let mut last = 0;
        for number in 1..=200 {
            last = write(number);
            let now = live.load();
            assert_eq!(now.low, now.high, "a torn read");
        }
        live.wait_for_revision(last, Duration::from_secs(5)).expect("it comes");
        assert_eq!((live.load().low, live.load().high), (200, 200));
        let status = live.status();
        assert_eq!((status.counters.callback_panics, status.counters.repairs), (0, 0));
        // What is above comes into force, and goes.
        block_on(async { client.put("/layered@web-1/verbosity", "debug").await.expect("written") });
        until("the override is there", || live.load().level == "debug");
        assert_eq!(live.explain().rows()[2].key(), "/layered@web-1/verbosity");
        // An edit of a layer, guarded by all of them.
        let edit = options().edit(server.endpoint()).expect("it is read");
        let plan =
            edit.in_layer("/layered@web-1").expect("a layer").unset_key("verbosity").plan().expect("a plan");
        block_on(async { client.put("/layered/other", "x").await.expect("written") });
        assert!(plan.commit().expect_err("the lowest layer was written").is_conflict());
        let edit = options().in_layer("/layered@web-1").edit(server.endpoint()).expect("it is read");
        edit.unset_key("verbosity").plan().expect("a plan").commit().expect("written");
        until("the override is gone", || live.load().level == "info");
    });
}
