//! Endurance: a cluster of three etcd servers, writers, faults from a seed, and configurations over
//! v3 and v2, also over a slow link, that are checked all the time. Beside them, on a server of their own, several
//! watches of one stream, and what happens to their neighbours.
//!
//! ```text
//! cargo run --release -p etcd-config-tests --example soak -- --minutes 20 [--seed 7]
//! ```
//! Ends with a table, and with a failure where anything was lost or torn.

mod arguments;
mod ballast;
mod chaos;
mod neighbours;
mod observer;
mod process;
mod report;
mod stage;
mod truth;
mod writer;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use arguments::Arguments;
use chaos::Chaos;
use neighbours::Neighbours;
use observer::Observer;
use report::Report;
use stage::Stage;
use writer::Writer;

/// How long everything may take to settle: buffers fill, threads start.
const WARM_UP: Duration = Duration::from_secs(10);
/// How long a configuration may take to come back when a fault has ended.
const DEADLINE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let Arguments { minutes, seed } = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(usage) => {
            eprintln!("{usage}");
            return ExitCode::from(2);
        }
    };
    println!("seed {seed}, {minutes} min");
    let begin = Instant::now();
    etcd_config_tests::log::keep_warnings();
    let stage = Stage::set();
    let writers = Writer::start_all(&stage);
    let observers = Observer::start_all(&stage, &writers);
    let neighbours = Neighbours::start(seed);
    std::thread::sleep(WARM_UP);
    let mut chaos = Chaos::new(&stage, &writers, &observers, seed);
    let mut report = Report::new(&stage, seed);
    let all = Duration::from_secs_f64(minutes * 60.0);
    for quarter in 0..4 {
        report.measure(begin.elapsed());
        while begin.elapsed() < all * (quarter + 1) / 4 {
            let fault = chaos.play();
            println!("{:>8.1} s  {fault}", begin.elapsed().as_secs_f64());
            report.note(&fault, observer::all_follow(&observers, &writers, DEADLINE));
            report.note_repairs(&observers);
        }
    }
    writers.iter().for_each(Writer::stop);
    report.note("the end", observer::all_agree(&observers, DEADLINE));
    std::thread::sleep(Duration::from_secs(2));
    report.measure(begin.elapsed());
    report.conclude(&writers, &observers);
    report.note_neighbours(&neighbours.finish());
    println!("{report}");
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
