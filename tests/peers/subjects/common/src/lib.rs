//! What every program that is measured does alike: its arguments, its answers, its counters.
//!
//! `<program> <scene> <endpoint> [name=value ...]` prints one line of JSON as soon as the scene is set, and one more
//! for each line that it reads; at the end of its input it ends. Each line has the CPU time of the process (`cpu_us`).

mod latencies;

use std::io::{BufRead, Write, stdin, stdout};
use std::process::exit;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cpu_time::ProcessTime;
use peak_alloc::PeakAlloc;
pub use serde_json::{Value, json};

pub use crate::latencies::Latencies;

/// What the runner asks for.
pub struct Scene {
    pub name: String,
    pub endpoint: String,
    arguments: Vec<String>,
}

impl Scene {
    pub fn from_arguments() -> Self {
        let mut arguments = std::env::args().skip(1);
        let (Some(name), Some(endpoint)) = (arguments.next(), arguments.next()) else {
            fail("usage: <scene> <endpoint> [name=value ...]");
        };
        Self { name, endpoint, arguments: arguments.collect() }
    }

    /// The number that was given for a name, or 0.
    pub fn number(&self, name: &str) -> usize {
        let given =
            |argument: &String| argument.split_once('=').filter(|(found, _)| *found == name)?.1.parse().ok();
        self.arguments.iter().find_map(given).unwrap_or(0)
    }

    /// Says that this program has no such scene, and ends.
    pub fn unsupported(&self) -> ! {
        println!("{}", json!({ "unsupported": self.name }));
        exit(0)
    }
}

/// Prints a line for the runner.
pub fn say(mut line: Value) {
    line["cpu_us"] = json!(micros(cpu()));
    let mut out = stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Says that the scene is set, and then answers each command and its words.
pub fn serve(first: Value, mut answer: impl FnMut(&str, &[&str]) -> Value) {
    say(first);
    for line in stdin().lock().lines().map_while(Result::ok) {
        let mut words = line.split(' ');
        let command = words.next().unwrap_or_default();
        say(answer(command, &words.collect::<Vec<_>>()));
    }
}

/// The CPU time of this process so far, of all its threads.
pub fn cpu() -> Duration {
    ProcessTime::now().as_duration()
}

/// Bytes on the heap; 0 in a program whose allocator does not count.
pub fn heap() -> usize {
    PeakAlloc.current_usage()
}

/// What the clock shows, in nanoseconds since 1970: what writers put into values.
pub fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

pub fn fail(why: &str) -> ! {
    eprintln!("{why}");
    exit(1)
}
