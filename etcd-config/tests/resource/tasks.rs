//! Builds that are tasks, under paused time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_config::{EtcdConfig, Live, MemoryStore, Resource};
use etcd_config_tests::SOON;
use tokio::time::Instant;

use crate::Shop;

/// What builds do: each of these numbers has a meaning of its own.
const FAILS: u32 = 100;
const HANGS: u32 = 200;
const SLOW: u32 = 300;

/// Which sizes were built, and when that was begun.
type Begun = Arc<Mutex<Vec<(u32, Instant)>>>;

#[derive(Clone)]
struct Workshop {
    begun: Begun,
    /// What fails, fails so often.
    failures: Arc<AtomicU32>,
}

impl Workshop {
    fn new() -> Self {
        let failures = Arc::new(AtomicU32::new(u32::MAX));
        Self { begun: Begun::default(), failures }
    }

    async fn build(self, size: u32) -> Result<u32, String> {
        self.begun.lock().unwrap().push((size, Instant::now()));
        match size {
            FAILS if self.failures.load(Ordering::SeqCst) > 0 => {
                self.failures.fetch_sub(1, Ordering::SeqCst);
                return Err("down".to_owned());
            }
            HANGS => std::future::pending().await,
            SLOW => tokio::time::sleep(Duration::from_secs(10)).await,
            _ => {}
        }
        Ok(size)
    }

    async fn pool<T: HasSize>(&self, settings: &Live<T>) -> Resource<u32> {
        let workshop = self.clone();
        settings.resource_async(T::size, move |size| workshop.clone().build(size)).await.unwrap()
    }

    fn begun(&self) -> Vec<u32> {
        self.begun.lock().unwrap().iter().map(|(size, _)| *size).collect()
    }

    /// The whole seconds between the builds.
    fn pauses(&self) -> Vec<f64> {
        let begun = self.begun.lock().unwrap();
        begun.windows(2).map(|pair| pair[1].1.duration_since(pair[0].1).as_secs_f64()).collect()
    }
}

/// Lets time pass, by the paused clock. An update that was slow is decoded on another thread, which that clock does not
/// know of: so that thread gets some time, too.
async fn pass(time: Duration) {
    const STEP: Duration = Duration::from_millis(100);
    let end = Instant::now() + time;
    while Instant::now() < end {
        tokio::time::sleep(STEP.min(end - Instant::now())).await;
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Waits by the clock of the machine, while that of the runtime hardly moves.
async fn soon(what: &str, holds: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// A configuration whose updates have been fast for a while: they are decoded where they arrive.
async fn watch<T: HasSize>(store: &MemoryStore, options: etcd_config::Options<T>) -> Live<T> {
    let settings = options.watch_async(store).await.unwrap();
    for other in (0..40).rev() {
        store.transaction().put("/shop/other", other.to_string()).put("/shop/version", "0").commit();
        soon("warm", || settings.load().other() == other).await;
    }
    settings
}

async fn in_force<T: HasSize>(settings: &Live<T>, revision: u64) {
    soon("in force", || {
        settings.status().refused_since.is_none() && settings.status().snapshot_revision >= revision
    })
    .await;
}

async fn refused<T: HasSize>(settings: &Live<T>, revision: u64) -> String {
    let refusal = || settings.status().refusal().filter(|refusal| refusal.revision() >= revision).cloned();
    soon("refused", || refusal().is_some()).await;
    refusal().unwrap().problems()[0].what().to_owned()
}

trait HasSize: EtcdConfig {
    fn size(&self) -> &u32;
    fn other(&self) -> u32;
}

impl HasSize for Shop {
    fn size(&self) -> &u32 {
        &self.size
    }

    fn other(&self) -> u32 {
        self.other
    }
}

/// The same with a commit key.
#[derive(EtcdConfig)]
#[etcd(prefix = "/shop", commit_key = "version")]
struct Committed {
    #[etcd(default = 1)]
    size: u32,
    #[etcd(default = 0)]
    other: u32,
}

impl HasSize for Committed {
    fn size(&self) -> &u32 {
        &self.size
    }

    fn other(&self) -> u32 {
        self.other
    }
}

#[tokio::test(start_paused = true)]
async fn is_made_first_and_again() {
    let (store, workshop) = (MemoryStore::new(), Workshop::new());
    let settings = watch(&store, Shop::options()).await;
    let pool = workshop.pool(&settings).await;
    assert_eq!(*pool.load(), 1);
    let revision = store.put("/shop/size", "2");
    in_force(&settings, revision).await;
    assert_eq!(*pool.load(), 2);
    let sum = settings.resource_from_async(|s| s.size + s.other, |sum| async move { Ok::<_, String>(sum) });
    let sum = sum.await.unwrap();
    let revision = store.put("/shop/other", "5");
    in_force(&settings, revision).await;
    assert_eq!((*sum.load(), workshop.begun()), (7, vec![1, 2]));
}

#[tokio::test(start_paused = true)]
async fn is_tried_again_ever_more_slowly() {
    let (store, workshop) = (MemoryStore::new(), Workshop::new());
    let settings = watch(&store, Shop::options()).await;
    let pool = workshop.pool(&settings).await;
    store.put("/shop/size", FAILS.to_string());
    pass(Duration::from_secs(300)).await;
    let pauses = workshop.pauses();
    for (pause, whole) in pauses[1..].iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]) {
        // Up to a quarter more or less, and what the thread needs.
        assert!((0.74 * whole..1.26 * whole + 0.7).contains(pause), "{pauses:?}");
    }
    assert!((8..=12).contains(&pauses.len()), "{pauses:?}");
    let status = settings.status();
    assert_eq!((status.counters.rejections, *pool.load()), (1, 1));
    assert!(status.refused_since.is_some() && status.age < Duration::from_secs(60), "{status}");
    workshop.failures.store(0, Ordering::SeqCst);
    pass(Duration::from_secs(80)).await;
    soon("in force", || *pool.load() == FAILS && settings.status().is_current()).await;
    // From the beginning after a success.
    workshop.failures.store(u32::MAX, Ordering::SeqCst);
    in_force(&settings, store.put("/shop/size", "2")).await;
    workshop.begun.lock().unwrap().clear();
    store.put("/shop/size", FAILS.to_string());
    pass(Duration::from_secs(5)).await;
    assert!(workshop.pauses()[0] < 1.96, "{:?}", workshop.pauses());
}

#[tokio::test(start_paused = true)]
async fn is_tried_at_once_when_keys_change() {
    let (store, workshop) = (MemoryStore::new(), Workshop::new());
    let settings = watch(&store, Shop::options()).await;
    let pool = workshop.pool(&settings).await;
    store.put("/shop/size", FAILS.to_string());
    pass(Duration::from_secs(40)).await;
    workshop.begun.lock().unwrap().clear();
    let revision = store.put("/shop/other", "1");
    assert_eq!(refused(&settings, revision).await, "cannot be built: down");
    assert_eq!(workshop.begun()[0], FAILS);
    let revision = store.put("/shop/size", "2");
    in_force(&settings, revision).await;
    assert_eq!((*pool.load(), settings.load().other), (2, 1));
    workshop.begun.lock().unwrap().clear();
    pass(Duration::from_secs(200)).await;
    assert!(workshop.begun().is_empty(), "nothing is left to be tried");
}

#[tokio::test(start_paused = true)]
async fn is_aborted_at_its_limit() {
    let (store, workshop) = (MemoryStore::new(), Workshop::new());
    let settings = watch(&store, Shop::options()).await;
    let pool = workshop.pool(&settings).await;
    let revision = store.put("/shop/size", HANGS.to_string());
    let start = Instant::now();
    assert_eq!(refused(&settings, revision).await, "has not returned within 30s");
    assert_eq!(start.elapsed().as_secs(), 30);
    soon("a task can be ended", || settings.status().resources[0].hanging == 0).await;
    assert_eq!(*pool.load(), 1);
    let revision = store.put("/shop/size", "2");
    in_force(&settings, revision).await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_meanwhile_is_one_update() {
    let (store, workshop) = (MemoryStore::new(), Workshop::new());
    let settings = watch(&store, Shop::options()).await;
    let pool = workshop.pool(&settings).await;
    let mut sizes = settings.changes_of(|s| &s.size);
    store.put("/shop/size", SLOW.to_string());
    pass(Duration::from_secs(1)).await;
    let mut last = 0;
    for size in 2..30 {
        last = store.put("/shop/size", size.to_string());
        pass(Duration::from_millis(100)).await;
    }
    assert_eq!((*pool.load(), settings.load().size), (1, 1));
    in_force(&settings, last).await;
    assert_eq!((*pool.load(), settings.load().size), (29, 29));
    assert_eq!(workshop.begun(), [1, SLOW, 29]);
    assert_eq!(sizes.next().await, Some((1, 29)), "both steps at once");
}

#[tokio::test(start_paused = true)]
async fn the_debounce_interval_comes_before_the_builds() {
    let (store, workshop) = (MemoryStore::new(), Workshop::new());
    let settings = watch(&store, Shop::options().debounce(Duration::from_secs(2))).await;
    let pool = workshop.pool(&settings).await;
    for size in 2..8 {
        store.put("/shop/size", size.to_string());
        pass(Duration::from_millis(200)).await;
    }
    assert_eq!(workshop.begun(), [1]);
    soon("in force", || *pool.load() == 7 && settings.load().size == 7).await;
    assert_eq!(workshop.begun(), [1, 7]);
    // What is refused is tried again; what comes meanwhile is collected first.
    let revision = store.put("/shop/size", FAILS.to_string());
    refused(&settings, revision).await;
    workshop.begun.lock().unwrap().clear();
    store.put("/shop/size", "9");
    pass(Duration::from_millis(1_900)).await;
    assert_eq!(workshop.begun(), [0; 0], "newer values are collected");
    soon("in force", || *pool.load() == 9).await;
    assert_eq!(workshop.begun(), [9]);
}

async fn commit_key(debounce: Duration) {
    let (store, workshop) = (MemoryStore::new(), Workshop::new());
    let settings = watch(&store, Committed::options().debounce(debounce)).await;
    let pool = workshop.pool(&settings).await;
    let commit = |size: u32, version: &str| {
        store.transaction().put("/shop/size", size.to_string()).put("/shop/version", version).commit()
    };
    commit(SLOW, "1");
    soon("begun", || workshop.begun().contains(&SLOW)).await;
    // Not committed, while a build is under way.
    store.put("/shop/other", "5");
    soon("in force", || *pool.load() == SLOW).await;
    pass(Duration::from_secs(30)).await;
    assert_eq!((settings.load().size, settings.load().other), (SLOW, 0));
    refused(&settings, commit(FAILS, "2")).await;
    assert_eq!((*pool.load(), settings.load().other), (SLOW, 0));
    // Not committed, while another try is awaited.
    store.put("/shop/other", "6");
    store.put("/shop/size", "7");
    pass(Duration::from_secs(1)).await;
    workshop.failures.store(0, Ordering::SeqCst);
    soon("tried again", || *pool.load() == FAILS).await;
    pass(Duration::from_secs(90)).await;
    assert_eq!((settings.load().size, settings.load().other), (FAILS, 5), "what was committed");
    store.put("/shop/version", "3");
    soon("in force", || *pool.load() == 7).await;
    assert_eq!((settings.load().size, settings.load().other), (7, 6));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_committed_is_never_in_force() {
    commit_key(Duration::ZERO).await;
    commit_key(Duration::from_secs(2)).await;
}

#[tokio::test(start_paused = true)]
async fn a_rewound_history_waits_for_the_builds() {
    let (store, workshop) = (MemoryStore::new(), Workshop::new());
    let settings = watch(&store, Shop::options()).await;
    let pool = workshop.pool(&settings).await;
    let early = store.put("/shop/size", "2");
    in_force(&settings, early).await;
    store.put("/shop/size", SLOW.to_string());
    soon("begun", || workshop.begun().contains(&SLOW)).await;
    store.rewind(early);
    soon("rewound", || *pool.load() == 2 && settings.status().last_rewind.is_some()).await;
    assert_eq!((settings.load().size, settings.status().is_current()), (2, true), "{}", settings.status());
    assert_eq!(workshop.begun(), [1, 2, SLOW, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_future_enters_nothing() {
    let store = MemoryStore::from([("/shop/size", SLOW.to_string())]);
    let (settings, workshop) = (watch(&store, Shop::options()).await, Workshop::new());
    let limit = Duration::from_secs(1);
    assert!(tokio::time::timeout(limit, workshop.pool(&settings)).await.is_err());
    store.put("/shop/size", "2");
    soon("in force", || settings.load().size == 2).await;
    assert_eq!((workshop.begun(), settings.status().resources.len()), (vec![SLOW], 0));
}

#[test]
fn the_end_of_its_runtime_refuses_the_update() {
    let (store, workshop) = (MemoryStore::new(), Workshop::new());
    let settings = Shop::watch(&store).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pool = runtime.block_on(workshop.pool(&settings));
    drop(runtime);
    let revision = store.put("/shop/size", "2");
    let error = settings.wait_for_revision(revision, SOON).unwrap_err();
    assert_eq!(error.problems()[0].what(), "the runtime that it is built in has ended");
    assert_eq!(*pool.load(), 1);
}
