//! A process that forks: its child has none of the threads that watched. A program of its own,
//! because the harness for tests has threads, too.

use std::process::exit;
use std::time::{Duration, Instant};

use etcd_client_core::blocking::V3Client;
use etcd_client_core::v3;
use etcd_config::{EtcdConfig, Live, MemoryStore, State};
use fork::Fork;
use rustix::process::{Pid, Signal, kill_process};

/// Long enough for a machine that is busy with other things.
const SOON: Duration = Duration::from_secs(30);
/// What must not hang answers within this.
const AT_ONCE: Duration = Duration::from_secs(5);

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/service")]
struct Service {
    #[etcd(default = 1)]
    workers: u32,
}

/// What the parent had when it forked.
struct Before {
    store: MemoryStore,
    settings: Live<Service>,
    stream: etcd_config::Changes<Service>,
    pool: etcd_config::Resource<u32>,
    client: V3Client,
}

fn main() {
    for round in 0..5 {
        let store = MemoryStore::new();
        let folder = tempfile::tempdir().expect("a folder");
        let options = Service::options().cache_file(folder.path().join("cache"));
        let settings = options.watch(&store).expect("everything has a default");
        settings.on_change(|_| {});
        let stream = settings.changes();
        let pool = settings.resource(|s| &s.workers, |workers| Ok::<_, String>(*workers));
        let pool = pool.expect("it cannot fail");
        let client = v3::Client::new(["127.0.0.1:1"]).expect("an endpoint").blocking();
        assert!(client.get("key").send().is_err(), "nobody listens there");
        store.put("/service/workers", round.to_string());
        let before = Before { store, settings, stream, pool, client };
        match fork::fork().expect("a child") {
            Fork::Child => {
                child(before, round);
                exit(0)
            }
            Fork::Parent(child) => {
                assert_eq!(outcome(child), Some(0), "round {round}: what the child did last is above");
                let revision = before.store.put("/service/workers", "77");
                before.settings.wait_for_revision(revision, SOON).expect("the parent goes on");
                assert_eq!(before.settings.load().workers, 77);
                assert!(before.client.get("key").send().is_err());
            }
        }
    }
}

/// The child's exit status; none where it hangs.
fn outcome(child: i32) -> Option<i32> {
    let begin = Instant::now();
    while begin.elapsed() < SOON {
        if let Some(status) = fork::waitpid_nohang(child).expect("it is ours") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = Pid::from_raw(child).expect("a child");
    kill_process(pid, Signal::KILL).expect("it is ours");
    fork::waitpid(child).expect("it is ours");
    None
}

fn child(before: Before, round: u32) {
    // The parent's threads may have held the store's lock, which nobody opens here.
    let Before { store: _store, settings, mut stream, pool, client } = before;
    step("what was made before", || {
        assert!(*pool.load() <= 100);
        assert!(settings.resource(|s| &s.workers, |workers| Ok::<_, String>(*workers)).is_err());
        drop(pool);
    });
    step("a status of before", || {
        let status = settings.status();
        assert!(matches!(status.state, State::Stopped), "{status}");
        assert!(settings.load().workers <= round.max(1), "the last values stay");
    });
    step("waiting with what was before", || {
        assert!(settings.wait_until(|_| false, SOON).unwrap_err().is_stopped());
        assert!(settings.wait_for_revision(u64::MAX, SOON).unwrap_err().is_stopped());
        settings.on_change(|_| {}).cancel();
        drop(settings.changes());
        assert!(settings.wait_for_callbacks(1, SOON).unwrap_err().is_stopped());
        assert!(settings.close(SOON).unwrap_err().is_stopped());
        drop((format!("{settings:?}"), settings.require_fresh(Duration::ZERO).err()));
    });
    step("following what was before", || {
        let (sender, receiver) = std::sync::mpsc::channel();
        let subscription =
            settings.follow(|s| &s.workers, move |workers| sender.send(*workers).expect("kept"));
        assert_eq!(receiver.try_recv().ok(), Some(settings.load().workers), "the last values stay");
        assert!(!subscription.is_active());
        settings.on_rejected(|_| {}).cancel();
        settings.on_status(|_| {}).cancel();
        let mut reader = settings.reader();
        assert_eq!(*reader.load(), **settings.snapshot());
    });
    step("waiting with what was before, in a runtime", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            assert!(settings.wait_until_async(|_| false, SOON).await.unwrap_err().is_stopped());
            assert!(settings.wait_for_revision_async(u64::MAX, SOON).await.unwrap_err().is_stopped());
            assert!(settings.wait_for_callbacks_async(1, SOON).await.unwrap_err().is_stopped());
            assert!(settings.close_async(SOON).await.unwrap_err().is_stopped());
        });
    });
    step("a stream of before", || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async { while stream.next().await.is_some() {} });
    });
    step("a blocking client of before", || {
        let error = client.get("key").send().unwrap_err();
        assert!(error.to_string().contains("fork"), "{error}");
    });
    step("the last handle of before", || drop(settings));
    step("loading once", || {
        let store = MemoryStore::from([("/service/workers", "5")]);
        assert_eq!(Service::load_once(&store).expect("a good value").workers, 5);
    });
    step("a load that must fail within its limit", || {
        let silent = MemoryStore::new();
        silent.silence(true);
        let limit = Duration::from_millis(100);
        assert!(Service::options().startup_timeout(limit).load_once(&silent).err().unwrap().is_timeout());
    });
    step("watching anew", || {
        let store = MemoryStore::new();
        let settings = Service::watch(&store).expect("everything has a default");
        let (sender, receiver) = std::sync::mpsc::channel();
        settings.on(|s| &s.workers, move |_, new| sender.send(*new).expect("somebody waits"));
        settings.wait_for_revision(store.put("/service/workers", "99"), SOON).expect("it comes");
        assert_eq!(receiver.recv_timeout(SOON), Ok(99));
        settings.wait_for_callbacks(store.revision(), SOON).expect("they have run");
    });
    step("watching anew in a runtime, with a cache file", || {
        let folder = tempfile::tempdir().expect("a folder");
        let store = MemoryStore::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let options = Service::options().cache_file(folder.path().join("cache"));
            let settings = options.watch_async(&store).await.expect("everything has a default");
            let revision = store.put("/service/workers", "98");
            settings.wait_for_revision_async(revision, SOON).await.expect("it comes");
            settings.close_async(SOON).await.expect("it is written");
        });
        store.refuse(true);
        let options = Service::options().cache_file(folder.path().join("cache"));
        let cached = options.startup_timeout(Duration::from_millis(100)).watch(&store).expect("the file");
        assert_eq!(cached.load().workers, 98);
    });
}

/// Says what is tried, so that it is known where one hangs.
fn step(what: &str, work: impl FnOnce()) {
    eprintln!("in the child: {what}");
    let begin = Instant::now();
    work();
    assert!(begin.elapsed() < AT_ONCE, "{what} took {:?}", begin.elapsed());
}
