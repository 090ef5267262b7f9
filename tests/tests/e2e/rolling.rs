//! Members of a cluster that are restarted one after the other, as for every change of their
//! settings.

use std::thread;
use std::time::Duration;

use etcd_config_tests::{Witness, over_each_api};

#[test]
fn a_rolling_restart_under_writes_loses_nothing() {
    over_each_api(|stage| {
        let cluster = stage.server().start_cluster();
        let history = stage.history(cluster.member(0));
        let mut known = history.put("a", "0");
        let live = stage.watch(cluster.endpoints()).expect("a first snapshot");
        let witness = Witness::watching(&live);
        for index in 0..3 {
            let (member, other) = (cluster.member(index), cluster.member((index + 1) % 3));
            history.go_on_at(other);
            thread::scope(|scope| {
                let restart = scope.spawn(|| {
                    thread::sleep(Duration::from_millis(300));
                    member.terminate();
                    assert!(
                        member.wait_until_ended(Duration::from_secs(20)),
                        "{} does not end",
                        member.name()
                    );
                    thread::sleep(Duration::from_millis(300));
                    member.restart();
                });
                // Writes that fail meanwhile may have been carried out: etcd itself is asked later.
                for n in 0.. {
                    let name = if n % 3 == 0 { "b" } else { "a" };
                    let _ = history.try_write([(name, Some(&*n.to_string()))]);
                    thread::sleep(Duration::from_millis(20)); // v2 keeps the last thousand
                    if restart.is_finished() {
                        break;
                    }
                }
            });
            cluster.wait_until_healthy();
            let last = history.put("last", member.name());
            history.catch_up(known);
            known = last;
            witness.converges(&history, Duration::from_secs(15));
            witness.watches(Duration::from_secs(15));
        }
        let counters = live.status().counters;
        assert!(counters.losses > 0 && counters.rewinds == 0 && counters.repairs == 0, "{}", live.status());
    });
}
