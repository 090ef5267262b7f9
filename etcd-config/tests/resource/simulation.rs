//! Random changes, while what is made of the settings is slow, fails, panics or hangs, and resources come and go, under
//! paused time: no snapshot is in force without what is made of it, several resources change together, nothing is in
//! force that was not committed, and what comes last is in force in the end.
//!
//! A failure prints its seed: `RESOURCE_SEED=<seed> cargo test -p etcd-config --test resource simulation` plays that
//! schedule alone. `RESOURCE_SCHEDULES=<n>` sets how many are played.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use etcd_config::{EtcdConfig, Live, MemoryStore, Resource};
use etcd_config_tests::SOON;
use fastrand::Rng;
use tokio::time::sleep;

/// Longer than any build may take here.
const LIMIT: Duration = Duration::from_secs(5);
const STEPS: usize = 14;

trait Pair: EtcdConfig {
    const COMMITS: bool;
    fn pair(&self) -> (u32, u32);
    fn first(&self) -> &u32;
}

macro_rules! configuration {
    ($name:ident, $commits:literal $(, $commit:ident)?) => {
        #[derive(EtcdConfig)]
        #[etcd(prefix = "/pair" $(, $commit = "version")?)]
        struct $name {
            #[etcd(default = 0)]
            one: u32,
            #[etcd(default = 0)]
            two: u32,
        }

        impl Pair for $name {
            const COMMITS: bool = $commits;

            fn pair(&self) -> (u32, u32) {
                (self.one, self.two)
            }

            fn first(&self) -> &u32 {
                &self.one
            }
        }
    };
}

configuration!(Free, false);
configuration!(Committed, true, commit_key);

/// What a build does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mood {
    Fine,
    Slow,
    Fails,
    Panics,
    Hangs,
}

const MOODS: [Mood; 5] = [Mood::Fine, Mood::Slow, Mood::Fails, Mood::Panics, Mood::Hangs];

/// Decides what builds do.
#[derive(Clone)]
struct Fate(Arc<Mutex<FateState>>);

struct FateState {
    random: Rng,
    calm: bool,
    met: BTreeMap<Mood, u64>,
}

impl Fate {
    async fn build<V>(self, value: V) -> Result<V, String> {
        let (mood, pause) = {
            let mut state = self.0.lock().unwrap();
            let mood = if state.calm || state.random.bool() {
                Mood::Fine
            } else {
                state.random.choice(MOODS).unwrap()
            };
            *state.met.entry(mood).or_default() += 1;
            (mood, state.random.u64(0..8_000))
        };
        match mood {
            Mood::Fine => {}
            // Some of these pass the limit.
            Mood::Slow => sleep(Duration::from_millis(pause)).await,
            Mood::Fails => return Err("fails on purpose".to_owned()),
            Mood::Panics => std::panic::panic_any("on purpose"),
            Mood::Hangs => std::future::pending().await,
        }
        Ok(value)
    }
}

/// Whoever is made of the settings, and what it has to be.
struct Made<T> {
    first: Vec<Resource<u32>>,
    sum: Vec<Resource<u32>>,
    both: Vec<Resource<(u32, u32)>>,
    settings: Live<T>,
}

impl<T: Pair> Made<T> {
    async fn enter(&mut self, fate: &Fate, which: u32) {
        let fate = fate.clone();
        let building = self.settings.building().limit(LIMIT);
        match which {
            0 => {
                let made = building.resource_async(T::first, move |value| fate.clone().build(value)).await;
                self.first.extend(made.ok());
            }
            1 => {
                let sum = |s: &T| s.pair().0 + s.pair().1;
                let made = building.resource_from_async(sum, move |value| fate.clone().build(value)).await;
                self.sum.extend(made.ok());
            }
            _ => {
                let made =
                    building.resource_from_async(T::pair, move |value| fate.clone().build(value)).await;
                self.both.extend(made.ok());
            }
        }
    }

    fn leave(&mut self, which: u32) {
        match which {
            0 => drop(self.first.pop()),
            1 => drop(self.sum.pop()),
            _ => drop(self.both.pop()),
        }
    }

    /// What is seen while one snapshot is in force is all of it. A slow update is decoded on another thread, so there may
    /// be another after it.
    fn look(&self, truth: &BTreeSet<(u32, u32)>) {
        let (now, loaded, belonging) = loop {
            let now = self.settings.snapshot();
            let first = |made: &Resource<u32>| (*made.load(), 0);
            let loaded: Vec<_> = self.first.iter().chain(&self.sum).map(first).collect();
            let loaded: Vec<_> =
                loaded.into_iter().chain(self.both.iter().map(|made| *made.load())).collect();
            let belonging =
                self.first.iter().chain(&self.sum).map(|made| made.of(&now).map(|made| (*made, 0)));
            let belonging: Vec<_> =
                belonging.chain(self.both.iter().map(|made| made.of(&now).map(|made| *made))).collect();
            if Arc::ptr_eq(&now, &self.settings.snapshot()) {
                break (now, loaded, belonging);
            }
        };
        let (one, two) = now.pair();
        assert!(
            truth.contains(&(one, two)),
            "{:?} at {} was never to be in force",
            (one, two),
            now.revision()
        );
        let expected = [vec![(one, 0); self.first.len()], vec![(one + two, 0); self.sum.len()]].concat();
        let expected = [expected, vec![(one, two); self.both.len()]].concat();
        assert_eq!(loaded, expected, "of {:?}", (one, two));
        assert_eq!(belonging, expected.into_iter().map(Some).collect::<Vec<_>>(), "of {:?}", (one, two));
    }
}

async fn play<T: Pair>(seed: u64, met: &mut BTreeMap<Mood, u64>) {
    let mut random = Rng::with_seed(seed);
    let store = MemoryStore::new();
    let debounce = Duration::from_millis(random.choice([0, 0, 50, 700]).unwrap());
    let settings = T::options().debounce(debounce).watch_async(&store).await.unwrap();
    let state = FateState { random: random.fork(), calm: true, met: BTreeMap::new() };
    let fate = Fate(Arc::new(Mutex::new(state)));
    let mut made = Made { first: vec![], sum: vec![], both: vec![], settings: settings.clone() };
    for which in 0..3 {
        made.enter(&fate, which).await;
    }
    fate.0.lock().unwrap().calm = false;
    let (mut truth, mut now) = (BTreeSet::from([(0, 0)]), (0, 0));
    // One by one, so that each is a state of its own.
    let mut change = |random: &mut Rng, commits: bool| {
        now = (random.u32(0..4), if random.bool() { now.1 } else { random.u32(0..4) });
        let pair =
            store.transaction().put("/pair/one", now.0.to_string()).put("/pair/two", now.1.to_string());
        let is_committed = commits || random.u8(0..3) == 0;
        let pair = if is_committed { pair.put("/pair/version", "1") } else { pair };
        (pair.commit(), (is_committed || !T::COMMITS).then_some(now))
    };
    for _ in 0..STEPS {
        match random.u32(0..10) {
            0..5 => truth.extend(change(&mut random, false).1),
            5 => store.cut(),
            6 => made.leave(random.u32(0..3)),
            7 => {
                // While it is entered, all goes on.
                let later = change(&mut random, false);
                truth.extend(later.1);
                made.enter(&fate, random.u32(0..3)).await;
            }
            8 => sleep(Duration::from_secs(random.u64(1..20))).await,
            _ => sleep(Duration::from_millis(random.u64(1..900))).await,
        }
        made.look(&truth);
        for _ in 0..random.u32(0..5) {
            sleep(Duration::from_millis(random.u64(0..40))).await;
            made.look(&truth);
        }
    }
    fate.0.lock().unwrap().calm = true;
    let (last, pair) = change(&mut random, true);
    truth.extend(pair);
    let start = Instant::now();
    loop {
        made.look(&truth);
        let status = settings.status();
        let is_last =
            settings.load().pair() == pair.unwrap() && status.is_current() && status.revision >= last;
        // Tasks are ended at their limit.
        if is_last && status.resources.iter().all(|resource| resource.hanging == 0) {
            break;
        }
        assert!(start.elapsed() < SOON, "{pair:?} at {last} is not in force\n{status}");
        sleep(Duration::from_millis(100)).await;
    }
    for (mood, count) in &fate.0.lock().unwrap().met {
        *met.entry(*mood).or_default() += count;
    }
}

#[test]
fn no_snapshot_is_in_force_without_what_is_made_of_it() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload().downcast_ref::<&str>() != Some(&"on purpose") {
            before(panic);
        }
    }));
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("RESOURCE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RESOURCE_SCHEDULES").unwrap_or(400),
    };
    let alone = seeds.end - seeds.start == 1;
    let mut met = BTreeMap::new();
    for seed in seeds {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let played = || {
            runtime.block_on(async {
                if seed % 2 == 0 {
                    play::<Free>(seed, &mut met).await;
                } else {
                    play::<Committed>(seed, &mut met).await;
                }
            });
        };
        if let Err(cause) = catch_unwind(AssertUnwindSafe(played)) {
            println!("RESOURCE_SEED={seed} cargo test -p etcd-config --test resource simulation");
            resume_unwind(cause);
        }
    }
    println!("{met:?}");
    assert!(alone || MOODS.iter().all(|mood| met.contains_key(mood)), "{met:?}");
}
