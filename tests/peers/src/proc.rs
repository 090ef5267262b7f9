//! What the operating system says of a process.

use std::fs;

/// Ticks a second in `/proc/<pid>/stat`: 100 on every Linux that people run.
const TICKS: f64 = 100.0;

/// A field of `/proc/<pid>/status`, without its unit.
pub(crate) fn status(pid: u32, field: &str) -> f64 {
    number(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default(), field)
}

/// How often the threads of a process have gone to sleep, which is how often they were woken.
pub(crate) fn wake_ups(pid: u32) -> f64 {
    let of_task = |path: String| {
        number(&fs::read_to_string(path + "/status").unwrap_or_default(), "voluntary_ctxt_switches")
    };
    tasks(pid).map(of_task).sum()
}

/// CPU seconds of the threads that a process has now, to the nanosecond: nobody is woken to be asked.
pub(crate) fn cpu_of_threads(pid: u32) -> f64 {
    let of_task = |path: String| {
        let text = fs::read_to_string(path + "/schedstat").unwrap_or_default();
        text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0.0)
    };
    tasks(pid).map(of_task).sum::<f64>() / 1e9
}

/// CPU seconds of a process, with threads that have ended, in hundredths.
pub(crate) fn cpu(pid: u32) -> f64 {
    stat(&pid.to_string(), [13, 14])
}

/// CPU seconds of all children that this process has waited for, and of theirs.
pub(crate) fn cpu_of_children() -> f64 {
    stat("self", [15, 16])
}

/// How many connections there are to a port of this machine.
pub(crate) fn connections_to(port: u16) -> usize {
    let ending = format!(":{port:04X}");
    let established = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next().is_some_and(|local| local.ends_with(&ending)) && fields.nth(1) == Some("01")
    };
    let count = |path| fs::read_to_string(path).unwrap_or_default().lines().filter(established).count();
    count("/proc/net/tcp") + count("/proc/net/tcp6")
}

fn tasks(pid: u32) -> impl Iterator<Item = String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.map(|task| task.path().display().to_string())
}

/// The sum of fields of `/proc/<pid>/stat`, counted from 0, in seconds.
fn stat(pid: &str, fields: [usize; 2]) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in the second field may have spaces.
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let words: Vec<&str> = rest.split_whitespace().collect();
    let ticks =
        |field: &usize| words.get(field - 2).and_then(|word| word.parse::<f64>().ok()).unwrap_or(f64::NAN);
    fields.iter().map(ticks).sum::<f64>() / TICKS
}

fn number(text: &str, field: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let word = line.and_then(|line| line.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
}
