//! Clusters of three that lose one member, or two.

use std::time::Duration;

use etcd_config::{EtcdConfig, State};
use etcd_config_tests::Cluster;

use crate::history::History;
use crate::witness::{Flat, PREFIX, Witness};

/// R15
#[test]
fn a_frozen_member_is_left_for_another() {
    let cluster = Cluster::start();
    let history = History::of(cluster.member(0), PREFIX);
    history.put("a", "1");
    let live = Flat::watch(cluster.endpoints()).expect("a first snapshot");
    let witness = Witness::of(&live);
    witness.watches(Duration::from_secs(5));
    let endpoint = live.status().endpoint.expect("the endpoint in use");
    let used = cluster.endpoints().iter().position(|known| *known == endpoint);
    let used = used.unwrap_or_else(|| panic!("{endpoint} is no endpoint of the cluster"));

    cluster.member(used).pause();
    let other = cluster.member((used + 1) % 3);
    other.wait_until_healthy(); // with a new leader, where it was the leader
    history.go_on_at(other);
    history.put("a", "2");
    witness.converges(&history, Duration::from_secs(15));
    assert_ne!(live.status().endpoint, Some(endpoint));
}

/// R16
#[test]
fn a_watch_on_a_follower_outlives_the_leader() {
    let cluster = Cluster::start();
    let leader = cluster.leader();
    let [follower, other] = [1, 2].map(|step| cluster.member((leader + step) % 3));
    let history = History::of(follower, PREFIX);
    let live = Flat::watch(follower.endpoint()).expect("a first snapshot");
    let witness = Witness::of(&live);
    witness.watches(Duration::from_secs(5));

    cluster.member(leader).kill();
    other.wait_until_healthy();
    history.go_on_at(other);
    history.put("a", "1");
    witness.converges(&history, Duration::from_secs(12));
    assert_eq!(live.status().counters.lists, 1, "nothing had to be listed again");
}

/// R18 and R20
#[test]
fn a_lost_quorum_is_said_and_healed() {
    let cluster = Cluster::start();
    let history = History::of(cluster.member(0), PREFIX);
    history.put("a", "1");
    let live = Flat::watch(cluster.endpoints()).expect("a first snapshot");
    let witness = Witness::of(&live);
    witness.watches(Duration::from_secs(5));
    let endpoint = live.status().endpoint.expect("the endpoint in use");
    let others: Vec<_> = cluster.members().iter().filter(|member| member.endpoint() != endpoint).collect();

    for member in &others {
        member.pause();
    }
    let is_lost = |state: &State| matches!(state, State::NoQuorum(_));
    witness.waits_for("without quorum", Duration::from_secs(15), |status| is_lost(&status.state));
    assert_eq!(live.load().all["a"], "1");

    for member in &others {
        member.resume();
    }
    cluster.wait_until_healthy();
    history.put("a", "2");
    witness.converges(&history, Duration::from_secs(5));
}
