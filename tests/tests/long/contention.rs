//! A minute in which two hundred writers change the same settings.

use std::thread;
use std::time::{Duration, Instant};

use etcd_config_tests::{Cluster, Contest, Proxy, Server};

const WRITERS: usize = 200;
/// Quiet, then connections are cut, then leaders are killed: a third of the time each.
const TIME: Duration = Duration::from_secs(60);

/// Nobody is answered anything wrong, and no edit makes what the check refuses, whatever `etcdctl` deletes and writes
/// beside them: the history of the servers is the oracle.
#[test]
fn no_edit_of_two_hundred_writers_is_lost_or_makes_what_the_check_refuses() {
    let cluster = Cluster::start();
    let proxies: Vec<_> = cluster.members().iter().map(|member| Proxy::to(&member.address())).collect();
    let endpoints: Vec<_> = proxies.iter().map(Proxy::endpoint).collect();
    let members: Vec<&Server> = cluster.members().iter().collect();
    let contest = Contest::run(WRITERS, TIME, &endpoints, &members, |_| {
        thread::sleep(TIME / 3);
        cut_connections(&proxies, TIME / 3);
        kill_leaders(&cluster, TIME / 3);
    });
    cluster.wait_until_healthy();
    let verdict = contest.held_against(cluster.member(0));
    println!("{verdict}");
    assert!(verdict.written >= Contest::ENOUGH && verdict.written_but == 0, "{verdict}");
    assert!(verdict.attempts_again > 100 && verdict.refused_states > 0, "{verdict}");
}

/// Of one member or of all, half of the times with answers under way.
fn cut_connections(proxies: &[Proxy], time: Duration) {
    let until = Instant::now() + time;
    for turn in (0..proxies.len()).cycle() {
        if Instant::now() >= until {
            return;
        }
        proxies.iter().for_each(|proxy| proxy.hold_replies(true));
        thread::sleep(Duration::from_millis(150));
        proxies.iter().for_each(Proxy::cut);
        proxies.iter().for_each(|proxy| proxy.hold_replies(false));
        thread::sleep(Duration::from_millis(300));
        proxies[turn].cut();
        thread::sleep(Duration::from_millis(300));
    }
}

fn kill_leaders(cluster: &Cluster, time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        let leader = cluster.leader();
        cluster.member(leader).kill();
        thread::sleep(Duration::from_secs(2));
        cluster.member(leader).restart();
        thread::sleep(Duration::from_secs(2));
    }
}
