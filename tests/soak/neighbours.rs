//! Who shares a watch stream: several watchers of one client, and what happens to others on the same stream.
//!
//! They have a server of their own, with users, so that a watch can be refused. It is written step by step, one revision
//! each, so what a prefix holds at a revision is known, and every claim about it can be checked.

mod disturber;
mod follower;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_config_tests::{Proxy, Server};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::disturber::Disturber;
use self::follower::{Followed, follow};

/// From one step to the next.
const PACE: Duration = Duration::from_millis(10);
/// How long followers may take to come to the last step.
const DEADLINE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "of-root";

/// A thread in which all of it happens.
pub(crate) struct Neighbours {
    ending: Arc<AtomicBool>,
    thread: JoinHandle<Tally>,
}

/// What happened on the stream, and what was wrong.
#[derive(Default)]
pub(crate) struct Tally {
    checked: AtomicU64,
    resumed: AtomicU64,
    cancelled: AtomicU64,
    refused: AtomicU64,
    compacted: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

impl Neighbours {
    pub(crate) fn start(seed: u64) -> Self {
        let ending = Arc::<AtomicBool>::default();
        let ends = Arc::clone(&ending);
        let thread = thread::Builder::new().name("neighbours".to_owned());
        Self { ending, thread: thread.spawn(move || run(seed, &ends)).expect("a thread") }
    }

    /// Ends it; what came of it.
    pub(crate) fn finish(self) -> Tally {
        self.ending.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| {
            let tally = Tally::default();
            tally.is_wrong("the thread of the neighbours has panicked".to_owned());
            tally
        })
    }
}

impl Tally {
    /// What was wrong, and what did not happen although it was to.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = self.wrong.lock().expect("no panic elsewhere").clone();
        let happened = [
            ("resumed", &self.resumed),
            ("cancelled", &self.cancelled),
            ("refused", &self.refused),
            ("compacted", &self.compacted),
        ];
        let missing = happened.iter().filter(|(_, count)| count.load(Ordering::Relaxed) == 0);
        faults.extend(missing.map(|(what, _)| format!("no watch of the neighbours was {what}")));
        faults
    }

    fn is_wrong(&self, what: String) {
        eprintln!("neighbours: {what}");
        self.wrong.lock().expect("no panic elsewhere").push(what);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [checked, resumed, cancelled, refused, compacted] =
            [&self.checked, &self.resumed, &self.cancelled, &self.refused, &self.compacted]
                .map(|count| count.load(Ordering::Relaxed));
        write!(
            f,
            "{checked} claims checked, {resumed} resumes, {cancelled} cancelled, {refused} refused, {compacted} compacted"
        )
    }
}

fn run(seed: u64, ending: &AtomicBool) -> Tally {
    let server = Server::builder().start();
    server.enable_auth(PASSWORD);
    server.add_user("app", "secret", "/app/");
    let proxy = Proxy::to(&server.address());
    let client = |endpoint, user, password| {
        // A step is written exactly once, however slow the machine is.
        let builder = Client::builder().endpoints([endpoint]).user(user, password).timeout(DEADLINE / 2);
        builder.build().expect("a client")
    };
    let (root, shared) =
        (client(server.endpoint(), "root", PASSWORD), client(proxy.endpoint(), "app", "secret"));
    let tally = Arc::new(Tally::default());
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let first = root.put("/elsewhere", "0").await.expect("a server that was just started");
        let base = first.header.revision;
        let mut progress = Vec::new();
        let mut followers = JoinSet::new();
        for followed in Followed::all() {
            let changes = Arc::<AtomicU64>::default();
            progress.push((followed, Arc::clone(&changes)));
            followers.spawn(follow(shared.clone(), followed, base, Arc::clone(&tally), changes));
        }
        let disturber =
            Disturber { root: root.clone(), shared: &shared, proxy: &proxy, server: &server, tally: &tally };
        let last = tokio::select! {
            last = write(&root, base, ending, &tally) => last,
            () = disturber.run(seed) => 0,
        };
        server.resume();
        proxy.hold_replies(false);
        await_last(last, &progress, &tally).await;
        followers.shutdown().await;
    });
    Arc::into_inner(tally).unwrap_or_default()
}

/// Waits until all have seen what the last step has written.
async fn await_last(last: u64, progress: &[(Followed, Arc<AtomicU64>)], tally: &Tally) {
    let begin = Instant::now();
    for (followed, seen) in progress {
        let wanted = followed.changes_until(last);
        while seen.load(Ordering::Relaxed) < wanted && begin.elapsed() < DEADLINE {
            sleep(PACE).await;
        }
        let has = seen.load(Ordering::Relaxed);
        if has != wanted {
            tally.is_wrong(format!("a follower of {} has seen {has} of {wanted} changes", followed.prefix()));
        }
    }
}

/// Writes steps until it is to stop; the number of the last one.
async fn write(root: &Client, base: u64, ending: &AtomicBool, tally: &Tally) -> u64 {
    let mut step = 0;
    while !ending.load(Ordering::Relaxed) {
        step += 1;
        let mut txn = root.txn().then(root.put("/elsewhere", step.to_string()));
        for followed in Followed::all() {
            if let Some((key, value)) = followed.written_at(step) {
                txn = txn.then(root.put(key, value));
            }
        }
        match txn.await {
            Ok(answer) if answer.header.revision == base + step => {}
            Ok(answer) => {
                tally.is_wrong(format!("step {step} is revision {}, base {base}", answer.header.revision));
            }
            Err(error) => {
                tally.is_wrong(format!("step {step} was not written: {error}"));
                break;
            }
        }
        sleep(PACE).await;
    }
    step
}
