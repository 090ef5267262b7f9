//! What an update asks of the allocator, which is the same on any machine: whoever makes it more than it was hears of it.

use std::collections::HashMap;
use std::time::Duration;

use allocation_counter::measure;
use etcd_config::{EtcdConfig, Live, MemoryStore};
use tokio::runtime::{Builder, Runtime};

const SOON: Duration = Duration::from_secs(10);

/// How many an update makes, with those of the watcher.
const NUMBER: u64 = 13;
const ENTRY: u64 = 22;

#[derive(EtcdConfig)]
#[etcd(prefix = "/counted")]
struct Counted {
    #[etcd(default = 0)]
    number: u64,
    #[etcd(map)]
    names: HashMap<String, String>,
}

/// The median of what writing this value takes on this thread, the store's own share left out. An update that a busy
/// machine has made on another thread takes less here, and none takes more.
fn allocations(
    runtime: &Runtime,
    store: &MemoryStore,
    live: &Live<Counted>,
    key: &str,
    digits: usize,
) -> u64 {
    let unwatched = MemoryStore::new();
    let update = |round: u64| {
        let value = format!("{round:0digits$}");
        let of_store = measure(|| {
            unwatched.put(key, value.clone());
        });
        let of_both = measure(|| {
            let revision = store.put(key, value);
            runtime.block_on(live.wait_for_revision_async(revision, SOON)).expect("the update");
        });
        of_both.count_total.saturating_sub(of_store.count_total)
    };
    let mut counts: Vec<u64> = (1_000..1_201).map(update).collect();
    counts.sort_unstable();
    counts[counts.len() / 2]
}

#[test]
fn an_update_makes_few_allocations_however_many_keys_there_are() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let store = MemoryStore::new();
    let live = runtime.block_on(Counted::watch_async(&store)).expect("everything has a default");
    let few = allocations(&runtime, &store, &live, "/counted/number", 4);
    let names = (0..1_000).map(|name| format!("/counted/names/{name:04}"));
    names.fold(store.transaction(), |transaction, name| transaction.put(name, "x")).commit();
    let many = allocations(&runtime, &store, &live, "/counted/number", 4);
    let entry = allocations(&runtime, &store, &live, "/counted/names/0500", 100);
    println!("a number: {few} and {many}, an entry: {entry}");
    assert!(few <= NUMBER, "of a number, with an empty map beside it: {few}");
    assert!(many <= NUMBER, "of a number, with a large map beside it: {many}");
    assert!(entry <= ENTRY, "of an entry of a large map: {entry}");
}
