//! What a fleet costs when nothing happens, and in a change.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use etcd_client_core::v3::Client;
use etcd_config::{EtcdConfig, Options};
use etcd_config_tests::{GrpcProxy, Server, block_on};

use crate::child::{Child, Settings};
use crate::scene::Scene;
use crate::usage::{Usage, Users};

const SOON: Duration = Duration::from_secs(120);
/// How long after a change everything has been written.
const AFTERMATH: Duration = Duration::from_secs(5);
const CHANGES: u32 = 3;

/// How many, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) instances: usize,
    pub(crate) processes: usize,
    pub(crate) idle: Duration,
}

/// What a change did.
#[derive(Debug)]
struct Spread {
    /// Milliseconds from the put until it was in force for 99 of 100, and for all.
    most: f64,
    all: f64,
    /// Until whoever waited for the fleet was told.
    known: Option<Duration>,
    usage: Usage,
}

/// What is in the table.
#[derive(Debug)]
pub(crate) struct Findings {
    name: &'static str,
    idle: Usage,
    changes: Vec<Spread>,
}

/// Starts a fleet, leaves it alone for a while, and changes something.
pub(crate) fn measure(scene: Scene, size: Size) -> Findings {
    let Size { instances, processes, idle } = size;
    let server = Server::start();
    let proxy = scene.has_proxy.then(|| GrpcProxy::before(&server));
    let endpoint = proxy.as_ref().map_or_else(|| server.endpoint(), GrpcProxy::endpoint);
    println!("\n{}, {}:", server.etcd(), scene.name);
    let begin = Instant::now();
    let start = |number| Child::start(&endpoint, number, instances / processes, scene);
    let mut children: Vec<Child> = (0..processes).map(start).collect();
    children.iter_mut().for_each(|child| drop(child.answer()));
    println!("  started within {:.1} s", begin.elapsed().as_secs_f64());
    // Whoever changes something is at etcd itself.
    let client = block_on(async { Client::new([server.endpoint()]) }).expect("a client");
    if scene.is_listed {
        let listed = operator().fleet(&client).expect("a fleet").instances().len();
        assert_eq!(listed, instances / processes * processes);
    }
    std::thread::sleep(Duration::from_secs(15));

    let pids = children.iter().map(Child::pid).collect();
    let users = Users { server: &server, proxy: proxy.as_ref().map(GrpcProxy::process_id), instances: pids };
    let before = users.usage();
    std::thread::sleep(idle);
    let idle = users.usage().since(&before).each(idle);
    println!("  idle, each second: {idle}");
    let changes = (2..2 + CHANGES).map(|workers| change(scene, workers, &client, &users, &mut children));
    Findings { name: scene.name, changes: changes.collect(), idle }
}

fn change(scene: Scene, workers: u32, client: &Client, users: &Users<'_>, children: &mut [Child]) -> Spread {
    children.iter_mut().for_each(|child| child.ask(&format!("wait {workers}")));
    std::thread::sleep(Duration::from_secs(1));
    let before = users.usage();
    let (begin, clock) = (Instant::now(), SystemTime::now());
    let edit = |edit: etcd_config::Edit<Settings>| Ok(edit.set_text("workers", workers.to_string()));
    let written = operator().update(client, edit).expect("written");
    let known = scene.is_listed.then(|| {
        let fleet = operator().fleet(client).expect("a fleet");
        fleet.wait_for_revision(written.revision(), SOON).expect("all have it");
        begin.elapsed()
    });
    let mut moments: Vec<f64> = children.iter_mut().flat_map(Child::moments).collect();
    moments.sort_by(f64::total_cmp);
    let put = clock.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let after = |percent: usize| {
        let place = (moments.len() * percent).div_ceil(100);
        (moments[place.max(1) - 1] - put) * 1e3
    };
    std::thread::sleep(AFTERMATH.saturating_sub(begin.elapsed()));
    let spread = Spread { most: after(99), all: after(100), known, usage: users.usage().since(&before) };
    let Spread { most, all, known, usage } = &spread;
    println!(
        "  a change: in force for half after {:.0} ms, 99 % {most:.0} ms, all {all:.0} ms; wait_for {}; \
         in {AFTERMATH:?}: {usage}",
        after(50),
        known.map_or("-".to_owned(), |known| format!("{known:.1?}")),
    );
    spread
}

/// Whoever changes something, in the prefix that all have.
fn operator() -> Options<Settings> {
    Settings::options()
}

/// A line of the table.
impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, idle, changes } = self;
        let middle = |value: &dyn Fn(&Spread) -> f64| {
            let mut all: Vec<f64> = changes.iter().map(value).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let proxy = |cpu: f64| if cpu > 0.0 { format!(" + {cpu:.2} s") } else { String::new() };
        let known = middle(&|spread| spread.known.map_or(0.0, |known| known.as_secs_f64()));
        write!(
            f,
            "| {name} | {:.3} s{} | {:.0} | {:.0} MiB | {:.0} ms, {:.0} ms | {} | {:.0} | {:.2} s{} | {:.2} s |",
            idle.server,
            proxy(idle.proxy),
            idle.requests(),
            idle.memory,
            middle(&|spread| spread.most),
            middle(&|spread| spread.all),
            if known > 0.0 { format!("{known:.1} s") } else { "–".to_owned() },
            middle(&|spread| spread.usage.puts),
            middle(&|spread| spread.usage.server),
            proxy(middle(&|spread| spread.usage.proxy)),
            middle(&|spread| spread.usage.instances),
        )
    }
}
