//! The threads of callbacks. One test, because all tests of a process are counted together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_config::{EtcdConfig, MemoryStore};
use etcd_config_tests::{until, until_within};

#[derive(EtcdConfig)]
#[etcd(prefix = "/service")]
struct Service {
    #[etcd(default = 1)]
    workers: u32,
}

/// How many threads of this process are for callbacks.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("the threads of this process");
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("etcd-config-c"))
        .count()
}

#[test]
fn one_configuration_has_one_at_a_time_and_none_when_it_rests() {
    let store = MemoryStore::new();
    let settings = Service::watch(&store).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    settings.on_change(move |_| _ = counted.fetch_add(1, Ordering::Relaxed));
    let mut most = 0;
    for n in 0..4_000 {
        store.put("/service/workers", n.to_string());
        if n % 4 == 0 {
            std::thread::sleep(Duration::from_micros(50));
        }
        if n % 50 == 0 {
            most = most.max(threads());
        }
    }
    until("called", || calls.load(Ordering::Relaxed) > 0);
    assert_eq!(most, 1, "threads for the callbacks of one configuration");
    until_within(Duration::from_secs(8), "no threads", || threads() == 0);
}
