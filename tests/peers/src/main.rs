//! Measures etcd-config beside other clients of etcd: README.md says what, how, and what the numbers mean.

mod bench;
mod child;
mod etcd;
mod goals;
mod proc;
mod report;
mod results;
mod rows;
mod subjects;
mod table;

use std::process::ExitCode;
use std::time::Instant;

use crate::bench::Bench;
use crate::rows::ROWS;

const USAGE: &str = "usage: peers [row ...] [--quick] [--runs <n>] [--built] [--list] [--report]";

fn main() -> ExitCode {
    let (mut names, mut quick, mut runs, mut built) = (Vec::new(), false, None, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--list" => return list(),
            "--report" => return report(),
            "--quick" => quick = true,
            "--built" => built = true,
            "--runs" => match arguments.next().and_then(|number| number.parse().ok()) {
                Some(number) if number > 0 => runs = Some(number),
                _ => return usage("--runs wants a number"),
            },
            name if ROWS.iter().any(|row| row.name == name) => names.push(argument),
            other => return usage(&format!("there is no row \"{other}\": --list names them")),
        }
    }
    let runs = runs.unwrap_or(if quick { 1 } else { 3 });
    let mut bench = match Bench::new(quick, runs, !names.is_empty(), built) {
        Ok(bench) => bench,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let begin = Instant::now();
    for row in ROWS.iter().filter(|row| names.is_empty() || names.iter().any(|name| name == row.name)) {
        let from = Instant::now();
        println!("\n=== {}: {}", row.name, row.what);
        (row.run)(&mut bench);
        bench.finish_row(row.name, from.elapsed());
    }
    println!("\n{} s in all", begin.elapsed().as_secs());
    bench.results.print_missed();
    ExitCode::SUCCESS
}

fn list() -> ExitCode {
    for row in ROWS {
        println!("{:<14} {:>4} s  {}", row.name, row.seconds, row.what);
    }
    let all: u32 = ROWS.iter().map(|row| row.seconds).sum();
    println!("{:<14} {all:>4} s  and what building the subjects takes", "all");
    ExitCode::SUCCESS
}

fn report() -> ExitCode {
    match report::write() {
        Ok(page) => {
            println!("{}", page.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("the report cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage(why: &str) -> ExitCode {
    eprintln!("{why}\n{USAGE}");
    ExitCode::FAILURE
}
