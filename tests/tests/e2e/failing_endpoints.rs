//! Endpoints that fail while others serve: nobody misses them, until they are needed.

use std::time::Duration;

use etcd_config::{EtcdConfig, Status};
use etcd_config_tests::{Flat, Proxy, Server, Witness, log, over_each_api};

fn names(status: &Status) -> Vec<&str> {
    status.failing_endpoints.iter().map(|failing| &*failing.endpoint).collect()
}

#[test]
fn one_that_refuses_is_in_the_status_and_in_the_log_once_until_it_serves() {
    log::keep();
    over_each_api(|stage| {
        let server = stage.server().start();
        let (good, bad) = (Proxy::to(&server.address()), Proxy::to(&server.address()));
        bad.refuse(true);
        let live = stage.watch([good.endpoint(), bad.endpoint()]).expect("a first snapshot");
        let witness = Witness::of(&live);
        witness.waits_for("noticed", Duration::from_secs(20), |status| {
            status.state.is_watching() && names(status) == [bad.endpoint()]
        });
        let status = live.status();
        let warning = format!("\n  warning: {} has failed for ", bad.endpoint());
        let text = status.to_string();
        assert!(text.contains(&warning) && text.contains("refused"), "{text}");
        let told = || log::about(&format!("endpoint={:?}", bad.endpoint()));
        // It is recorded when it fails, and logged when another has served.
        witness.waits_for("logged", Duration::from_secs(10), |_| !told().is_empty());
        let warnings = told();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("WARN an endpoint fails, and others serve"), "{warnings:?}");
        assert!(warnings[0].contains("refused") && !warnings[0].contains('\n'), "{warnings:?}");

        bad.refuse(false);
        good.refuse(true);
        good.cut();
        let moved = |status: &Status| {
            status.endpoint == Some(bad.endpoint()) && !names(status).contains(&&*bad.endpoint())
        };
        witness.waits_for("moved", Duration::from_secs(20), moved);
        let again = told();
        let again: Vec<_> = again.iter().filter(|line| line.contains("an endpoint serves again")).collect();
        assert!(
            again.len() == 1 && again[0].starts_with("INFO") && again[0].contains("failed_for="),
            "{again:?}"
        );
    });
}

/// Whichever is asked first is followed, and a failover to the other would be a rewind.
#[test]
fn one_of_another_cluster_is_said_before_it_is_needed() {
    let (one, other) = (Server::start(), Server::start());
    let live = Flat::watch([one.endpoint(), other.endpoint()]).expect("a first snapshot");
    Witness::of(&live).waits_for("noticed", Duration::from_secs(20), |status| {
        let followed = status.endpoint.clone().unwrap_or_default();
        let [failing] = &status.failing_endpoints[..] else { return false };
        let text = status.to_string();
        failing.endpoint != followed
            && text.contains("it belongs to cluster ")
            && text.contains("name endpoints of one cluster only")
    });
    assert_eq!(live.status().counters.rewinds, 0);
}
