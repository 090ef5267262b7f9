//! A minute in which no endpoint can be reached.

use std::fs;
use std::thread;
use std::time::Duration;

use etcd_config::{EtcdConfig, State};
use etcd_config_tests::{Flat, History, PREFIX, Proxy, Server, Witness, on_each_line};

/// How many connections it takes to find out what an endpoint is that hangs up: as HTTP/1.1, as TLS, by what it says.
const LOOKS: u64 = 3;

#[test]
fn r45_a_minute_of_refusals_costs_few_attempts_and_no_time() {
    on_each_line(|etcd| {
        let server = Server::builder().etcd(etcd).start();
        let history = History::of(&server, PREFIX);
        history.put("a", "1");
        // Attempts at the first can be counted; the second is refused by the system.
        let proxies = [(); 2].map(|()| Proxy::to(&server.address()));
        let live = Flat::watch(proxies.each_ref().map(Proxy::endpoint)).expect("a first snapshot");
        let witness = Witness::watching(&live);

        let (attempts, ticks) = (proxies[0].connections(), ticks());
        proxies[0].turn_away(true);
        proxies[1].refuse(true);
        proxies.iter().for_each(Proxy::cut);
        witness.notices_a_loss(Duration::from_secs(1));
        thread::sleep(Duration::from_secs(60));
        assert!(matches!(live.status().state, State::Disconnected(_)), "{}", live.status());
        assert_eq!(live.load().all["a"], "1");
        let (attempts, ticks) = (proxies[0].connections() - attempts, self::ticks() - ticks);
        // What hangs up on everything is looked at once in two minutes, to say what it is.
        let tries = attempts - LOOKS;
        assert!(tries < 20, "{tries} tries in a minute");
        assert!(ticks < 200, "{ticks} hundredths of a second of work in a minute");

        proxies.iter().for_each(Proxy::accept);
        history.put("a", "2");
        witness.converges(&history, Duration::from_secs(35));
    });
}

/// The time that the thread which follows etcd has worked, in hundredths of a second.
fn ticks() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").expect("a Linux").filter_map(Result::ok);
    let stat = |task: fs::DirEntry| fs::read_to_string(task.path().join("stat")).ok();
    let worked = |stat: String| {
        let rest = stat.split_once("(etcd-config) ")?.1;
        let mut fields = rest.split(' ').skip(11).map(|field| field.parse::<u64>().unwrap_or_default());
        Some(fields.next()? + fields.next()?)
    };
    tasks.filter_map(stat).filter_map(worked).sum()
}
