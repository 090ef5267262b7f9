//! What a fleet is to a server: instances with a connection of their own each, in a few processes. Once without being
//! listed in the fleet, once with it.
//!
//! ```text
//! cargo run --release -p etcd-config-tests --example fleet-scale -- [--instances 1000] [--processes 4] [--seconds 30]
//! ```

mod child;
mod usage;

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use child::{Child, Settings};
use etcd_client_core::v3::Client;
use etcd_config::{EtcdConfig, Fleet};
use etcd_config_tests::{Server, block_on};
use usage::Usage;

const SOON: Duration = Duration::from_secs(120);
/// How long after a change everything has been written.
const AFTERMATH: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    if child::is_one() {
        child::run();
        return ExitCode::SUCCESS;
    }
    let numbers = |name: &str, default: usize| {
        let mut words = std::env::args().skip_while(|word| word != name).skip(1);
        words.next().and_then(|word| word.parse().ok()).unwrap_or(default)
    };
    let (instances, processes) = (numbers("--instances", 1_000), numbers("--processes", 4));
    let seconds = numbers("--seconds", 30);
    println!("{instances} instances in {processes} processes, {seconds} s of idleness");
    for is_listed in [false, true] {
        measure(is_listed, instances, processes, Duration::from_secs(seconds as u64));
    }
    ExitCode::SUCCESS
}

fn measure(is_listed: bool, instances: usize, processes: usize, idle: Duration) {
    let server = Server::start();
    println!("\n{}, {}:", server.etcd(), if is_listed { "listed in the fleet" } else { "not listed" });
    let client = block_on(async { Client::new([server.endpoint()]) }).expect("a client");
    let begin = Instant::now();
    let mut children: Vec<Child> = (0..processes)
        .map(|number| Child::start(&server.endpoint(), number, instances / processes, is_listed))
        .collect();
    children.iter_mut().for_each(|child| drop(child.answer()));
    println!("  started within {:.1} s", begin.elapsed().as_secs_f64());
    if is_listed {
        let listed = Fleet::of::<Settings>(&client).expect("a fleet").instances().len();
        assert_eq!(listed, instances / processes * processes);
    }
    std::thread::sleep(Duration::from_secs(15));

    let pids: Vec<u32> = children.iter().map(Child::pid).collect();
    let before = Usage::of(&server, &pids);
    std::thread::sleep(idle);
    println!("  idle, each second: {}", Usage::of(&server, &pids).since(&before).each(idle));

    for workers in 2..5_u32 {
        children.iter_mut().for_each(|child| child.ask(&format!("wait {workers}")));
        std::thread::sleep(Duration::from_secs(1));
        let before = Usage::of(&server, &pids);
        let (begin, clock) = (Instant::now(), SystemTime::now());
        let edit = |edit: etcd_config::Edit<Settings>| Ok(edit.set_text("workers", workers.to_string()));
        let written = Settings::update(&client, edit).expect("written");
        let confirmed = begin.elapsed();
        let fleet = is_listed.then(|| {
            let fleet = Fleet::of::<Settings>(&client).expect("a fleet");
            fleet.wait_for_revision(written.revision(), SOON).map(|()| begin.elapsed())
        });
        let mut moments: Vec<f64> = children
            .iter_mut()
            .flat_map(|child| {
                let answer = child.answer();
                answer.split(' ').map(|word| word.parse().expect("a moment")).collect::<Vec<f64>>()
            })
            .collect();
        moments.sort_by(f64::total_cmp);
        let put = clock.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let after = |percent: usize| {
            let place = (moments.len() * percent).div_ceil(100);
            (moments[place.max(1) - 1] - put) * 1e3
        };
        std::thread::sleep(AFTERMATH.saturating_sub(begin.elapsed()));
        println!(
            "  a change: confirmed after {:.0} ms, in force for half after {:.0} ms, 99 % {:.0} ms, all {:.0} ms; \
             wait_for {}; in {AFTERMATH:?}: {}",
            confirmed.as_secs_f64() * 1e3,
            after(50),
            after(99),
            after(100),
            fleet.map_or("-".to_owned(), |outcome| format!("{outcome:.1?}")),
            Usage::of(&server, &pids).since(&before)
        );
    }
}
