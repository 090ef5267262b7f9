//! Many writers that change the same settings at once, and whether each was answered what has happened.
//!
//! Each writer moves the bounds of a range as far as they let each other, so that two who read the same state and both
//! write would make what the check refuses. In the same edit it counts its own attempts, so the history of the server,
//! read without the library, shows which of them has come to be.

mod calls;
mod revisions;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v3;
use etcd_config::{Edit, EtcdConfig, field};

use crate::{Server, block_on};

use calls::Call;
use revisions::{Written, revisions};
pub use verdict::Verdict;

/// What the writers change.
#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/range", validate = Range::check)]
pub struct Range {
    /// At most [`most`](Self::most).
    #[etcd(default = 0)]
    pub least: i64,
    /// At least [`least`](Self::least).
    #[etcd(default = 0)]
    pub most: i64,
    /// How often each writer has tried.
    #[etcd(map)]
    pub by: BTreeMap<String, u64>,
}

impl Range {
    fn check(&self) -> Result<(), String> {
        if self.least > self.most { Err(format!("{} > {}", self.least, self.most)) } else { Ok(()) }
    }
}

/// What all writers were answered.
#[derive(Debug)]
pub struct Contest {
    /// The revision before the first of them.
    first: u64,
    calls: Vec<Call>,
}

impl Contest {
    /// How many edits are wanted of all writers together.
    pub const ENOUGH: usize = 60;

    /// Lets so many writers contend for a while, each with connections of its own to these endpoints, while `etcdctl`
    /// deletes and writes the same keys at the first of the servers that answers, and `trouble` plays. On a busy
    /// machine it takes as long as they need for [`ENOUGH`](Self::ENOUGH) edits, but not more than six times as long.
    pub fn run(
        writers: usize,
        time: Duration,
        endpoints: &[String],
        servers: &[&Server],
        trouble: impl FnOnce(&AtomicBool) + Send,
    ) -> Self {
        let first = revision(servers[0]);
        let begin = Instant::now();
        let (is_over, written, calls) = (AtomicBool::new(false), AtomicUsize::new(0), Mutex::new(Vec::new()));
        let goes_on = || {
            let is_enough = written.load(Ordering::Relaxed) >= Self::ENOUGH;
            begin.elapsed() < if is_enough { time } else { 6 * time }
        };
        thread::scope(|scope| {
            let all: Vec<_> = (0..writers)
                .map(|number| {
                    let (calls, written) = (&calls, &written);
                    scope.spawn(move || {
                        let writer = Writer::new(number, endpoints);
                        let made = writer.write_while(goes_on, written);
                        calls.lock().expect("not poisoned").extend(made);
                    })
                })
                .collect();
            scope.spawn(|| operate(servers, &is_over));
            scope.spawn(|| trouble(&is_over));
            let ended: Vec<_> = all.into_iter().map(thread::ScopedJoinHandle::join).collect();
            is_over.store(true, Ordering::Relaxed);
            ended.into_iter().for_each(|ended| ended.expect("a writer"));
        });
        Self { first, calls: calls.into_inner().expect("not poisoned") }
    }

    /// Holds what the writers were answered against the history of a server, which has to have come to its end.
    ///
    /// # Panics
    /// If anything that was answered is not so, or an edit has made what the check refuses.
    pub fn held_against(&self, server: &Server) -> Verdict {
        Verdict::of(&self.calls, &revisions(server, "/range/", self.first + 1))
    }
}

fn revision(server: &Server) -> u64 {
    let client = v3::Client::new([server.endpoint()]).expect("an endpoint");
    block_on(async { client.put("/elsewhere", "1").await }).expect("written").header.revision
}

/// Writes and deletes with etcd's own client, without asking anybody.
fn operate(servers: &[&Server], is_over: &AtomicBool) {
    let commands: [&[&str]; 6] = [
        &["put", "/range/most", "1000"],
        // For a moment what is there may be refused, until it is put right.
        &["del", "/range/most"],
        &["put", "/range/most", "500"],
        &["del", "/range/least"],
        &["put", "/range/by/passing", "1"],
        &["del", "/range/by/passing"],
    ];
    for command in commands.into_iter().cycle() {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        // One that is killed and one without a leader refuse it; the next does not.
        let _ = servers.iter().find(|server| {
            let limited = ["--command-timeout=2s"].into_iter().chain(command.iter().copied());
            server.process_id().is_some() && server.try_etcdctl(limited, "").is_ok()
        });
        thread::sleep(Duration::from_millis(100));
    }
}

struct Writer {
    name: String,
    client: v3::Client,
    number: usize,
}

impl Writer {
    fn new(number: usize, endpoints: &[String]) -> Self {
        let mut endpoints = endpoints.to_vec();
        let places = endpoints.len();
        endpoints.rotate_left(number % places);
        let build =
            || async { v3::Client::builder().endpoints(endpoints).timeout(Duration::from_secs(5)).build() };
        Self { name: format!("w{number:03}"), client: block_on(build()).expect("endpoints"), number }
    }

    fn write_while(&self, goes_on: impl Fn() -> bool, written: &AtomicUsize) -> Vec<Call> {
        let (mut calls, mut turn, mut attempt) = (Vec::new(), self.number, 0);
        while goes_on() {
            turn += 1;
            let (begin, mut attempts) = (Instant::now(), Vec::new());
            let answer = Range::update(&self.client, |edit| {
                attempt += 1;
                let (edit, writes) = self.changed(edit, turn, attempt)?;
                attempts.push(writes);
                Ok(edit)
            });
            written.fetch_add(usize::from(answer.is_ok()), Ordering::Relaxed);
            calls.push(Call::new(&self.name, attempts, answer, begin.elapsed()));
        }
        calls
    }

    /// The edit, and what it writes if it is carried out.
    fn changed(
        &self,
        edit: Edit<Range>,
        turn: usize,
        attempt: u64,
    ) -> Result<(Edit<Range>, Written), etcd_config::Error> {
        let stored = |key: &str| edit.stored(key).map(|text| String::from_utf8_lossy(text).into_owned());
        let bound = |key: &str| stored(key).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        let (least, most, step) = (bound("least"), bound("most"), i64::try_from(turn % 7).unwrap_or(0));
        let bounds = match turn % 3 {
            // As far as the other lets it: somebody who moves the other one meanwhile would be wrong.
            0 => [("least", Some(most - step % 2)), ("most", None)],
            1 => [("least", None), ("most", Some(least + step % 2))],
            _ => [("least", Some(least - step)), ("most", Some(least + 20 + step))],
        };
        let mut writes = Written::from([(format!("by/{}", self.name), Some(attempt.to_string()))]);
        for (key, value) in bounds {
            let value =
                value.map(|value| value.to_string()).filter(|value| stored(key).as_ref() != Some(value));
            writes.extend(value.map(|value| (key.to_owned(), Some(value))));
        }
        let mut edit = edit.set(field!(Range.by[self.name]), &attempt)?;
        if let [(_, Some(least)), _] = bounds {
            edit = edit.set(field!(Range.least), &least)?;
        }
        if let [_, (_, Some(most))] = bounds {
            edit = edit.set(field!(Range.most), &most)?;
        }
        Ok((edit, writes))
    }
}
