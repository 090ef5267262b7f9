//! Random changes of values that are slow, panic or are refused: whatever is published is the state at one
//! revision, and what comes last is in force.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use etcd_config::{Change, EtcdConfig, MemoryStore, Options};
use etcd_config_tests::soon;
use serde::{Deserialize, Deserializer};

use crate::folder::Folder;
use crate::service::{SOON, runtime, until};

/// What takes so long is done elsewhere from then on.
const SLOW: Duration = Duration::from_millis(8);

/// A number whose text says how it behaves: `7`, `slow 7`, `panic 7`, `drop-slow 7`, `drop-panic 7`.
#[derive(Debug)]
struct Moody {
    mood: String,
    number: u32,
}

impl Moody {
    fn parse(text: &str) -> Option<(&str, u32)> {
        let (mood, number) = text.rsplit_once(' ').unwrap_or(("", text));
        Some((mood, number.parse().ok()?))
    }
}

impl<'de> Deserialize<'de> for Moody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (mood, number) = Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no number"))?;
        if mood == "slow" {
            sleep(SLOW);
        }
        assert_ne!(mood, "panic", "on purpose");
        Ok(Self { mood: mood.to_owned(), number })
    }
}

impl PartialEq for Moody {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Drop for Moody {
    fn drop(&mut self) {
        if self.mood == "drop-slow" {
            sleep(SLOW);
        }
        if self.mood == "drop-panic" && !std::thread::panicking() {
            std::panic::panic_any("on purpose");
        }
    }
}

/// The values as plain numbers, by path.
type Numbers = BTreeMap<String, u32>;

trait Plain: EtcdConfig {
    const COMMITS: bool;
    fn numbers(&self) -> Numbers;
    fn one(&self) -> &Moody;
}

macro_rules! configuration {
    ($name:ident, $commits:literal $(, $commit:ident)?) => {
        #[derive(EtcdConfig)]
        #[etcd(prefix = "/moody", validate = $name::check $(, $commit = "version")?)]
        struct $name {
            #[etcd(default = "0", alias = "old")]
            one: Moody,
            #[etcd(default = "0")]
            two: Moody,
            three: Option<Moody>,
            #[etcd(map)]
            map: HashMap<String, Moody>,
            #[etcd(nested)]
            entries: BTreeMap<String, Entry>,
            #[etcd(nested)]
            arc: Arc<Pair>,
            #[etcd(nested)]
            maybe: Option<Entry>,
            #[etcd(key = "/moody/entries/a/first", default = "0")]
            absolute: Moody,
            #[etcd(restart, default = 0)]
            restart: u32,
        }

        impl $name {
            fn check(&self) -> Result<(), &'static str> {
                check(self.one.number, self.two.number)
            }
        }

        impl Plain for $name {
            const COMMITS: bool = $commits;

            fn one(&self) -> &Moody {
                &self.one
            }

            fn numbers(&self) -> Numbers {
                let Self { one, two, three, map, entries, arc, maybe, absolute, restart } = self;
                let mut numbers = Numbers::new();
                let mut add = |path: String, number| assert!(numbers.insert(path, number).is_none());
                add("one".into(), one.number);
                add("two".into(), two.number);
                three.iter().for_each(|three| add("three".into(), three.number));
                map.iter().for_each(|(name, value)| add(format!("map/{name}"), value.number));
                let named = entries.iter().map(|(name, entry)| (format!("entries/{name}"), entry));
                for (path, entry) in named.chain(maybe.as_ref().map(|entry| ("maybe".to_owned(), entry))) {
                    add(format!("{path}/first"), entry.first.number);
                    add(format!("{path}/second"), entry.second.number);
                }
                add("arc/first".into(), arc.first.number);
                add("arc/second".into(), arc.second.number);
                add("absolute".into(), absolute.number);
                add("restart".into(), *restart);
                numbers
            }
        }
    };
}

configuration!(Free, false);
configuration!(Committed, true, commit_key);

#[derive(EtcdConfig)]
struct Entry {
    first: Moody,
    #[etcd(default = "3")]
    second: Moody,
}

#[derive(EtcdConfig)]
struct Pair {
    #[etcd(default = "1")]
    first: Moody,
    #[etcd(default = "2")]
    second: Moody,
}

fn check(one: u32, two: u32) -> Result<(), &'static str> {
    if one == 3 {
        sleep(SLOW);
    }
    assert!(two != 9, "on purpose");
    if one == two && one != 0 { Err("the same") } else { Ok(()) }
}

/// The prefix, and a layer over it.
const PREFIX: &str = "/moody";
const LAYER: &str = "@eu-1";

/// Keys without the prefix: `/one`, and in the layer `@eu-1/one`.
type Stored = BTreeMap<String, String>;

/// Paths, and what there is: of the layer, or else of the prefix.
fn effective(stored: &Stored) -> Stored {
    let of_layer = |directory: &str| -> Stored {
        let path = |key: &String| key.strip_prefix(directory)?.strip_prefix('/').map(str::to_owned);
        stored.iter().filter_map(|(key, text)| Some((path(key)?, text.clone()))).collect()
    };
    let (mut all, over) = (of_layer(""), of_layer(LAYER));
    let names = ["one", "old"];
    if names.iter().any(|name| over.contains_key(*name)) {
        // Of one field: whatever it is called below.
        names.iter().for_each(|name| drop(all.remove(*name)));
    }
    all.extend(over);
    all
}

/// What the keys come to, written without the library; nothing where they are refused.
fn expected(stored: &Stored) -> Option<Numbers> {
    let stored = effective(stored);
    let number = |key: &str| -> Result<Option<u32>, ()> {
        let Some(text) = stored.get(key) else { return Ok(None) };
        let (mood, number) = Moody::parse(text).ok_or(())?;
        if mood == "panic" { Err(()) } else { Ok(Some(number)) }
    };
    let all = || -> Result<Numbers, ()> {
        let mut numbers = Numbers::new();
        let mut add = |path: &str, number: u32| _ = numbers.insert(path.to_owned(), number);
        let one = if stored.contains_key("one") { number("one")? } else { number("old")? };
        let (one, two) = (one.unwrap_or(0), number("two")?.unwrap_or(0));
        if (one == two && one != 0) || two == 9 {
            return Err(());
        }
        add("one", one);
        add("two", two);
        number("three")?.iter().for_each(|three| add("three", *three));
        for name in ["a", "b"] {
            number(&format!("map/{name}"))?.iter().for_each(|value| add(&format!("map/{name}"), *value));
        }
        for place in ["entries/a", "entries/b", "maybe"] {
            let [first, second] = ["first", "second"].map(|name| format!("{place}/{name}"));
            if stored.contains_key(&first) || stored.contains_key(&second) {
                add(&first, number(&first)?.ok_or(())?);
                add(&second, number(&second)?.unwrap_or(3));
            }
        }
        add("arc/first", number("arc/first")?.unwrap_or(1));
        add("arc/second", number("arc/second")?.unwrap_or(2));
        add("absolute", number("entries/a/first")?.unwrap_or(0));
        add("restart", 0);
        Ok(numbers)
    };
    all().ok()
}

const KEYS: [&str; 17] = [
    "one",
    "old",
    "two",
    "three",
    "map/a",
    "map/b",
    "entries/a/first",
    "entries/a/second",
    "entries/b/first",
    "entries/b/second",
    "arc/first",
    "arc/second",
    "maybe/first",
    "maybe/second",
    "restart",
    "unread",
    "one",
];
const MOODS: [&str; 5] = ["slow ", "drop-slow ", "drop-panic ", "panic ", "no number "];

/// A small generator of its own, so that a seed says it all.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % 1_000_003).unwrap_or_default() % limit
    }

    fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    fn text(&mut self) -> String {
        let mood = if self.one_in(5) { MOODS[self.below(MOODS.len())] } else { "" };
        format!("{mood}{}", self.below(10))
    }
}

/// What was stored at each revision, in each history; and which of that was committed.
#[derive(Default)]
struct Truth {
    at: HashMap<u64, Vec<Stored>>,
    committed: Vec<Stored>,
    /// The history that the store has now.
    history: BTreeMap<u64, Stored>,
    now: Stored,
}

impl Truth {
    fn note(&mut self, revision: u64, commits: bool) {
        self.at.entry(revision).or_default().push(self.now.clone());
        self.history.insert(revision, self.now.clone());
        if commits {
            self.committed.push(self.now.clone());
        }
    }

    fn rewind(&mut self, revision: u64) {
        self.history.retain(|at, _| *at <= revision);
        self.now = self.history.values().next_back().cloned().unwrap_or_default();
    }

    /// Whether these are the values of the store at this revision.
    fn holds(&self, revision: u64, numbers: &Numbers) -> bool {
        self.at.get(&revision).is_some_and(|states| is_among(states, numbers))
    }

    /// Whether these are the values of the store at this revision or a later one.
    fn holds_since(&self, revision: u64, numbers: &Numbers) -> bool {
        self.history.range(revision..).any(|(_, state)| expected(state).as_ref() == Some(numbers))
    }
}

fn is_among(states: &[Stored], numbers: &Numbers) -> bool {
    states.iter().any(|state| expected(state).as_ref() == Some(numbers))
}

#[derive(Clone, Copy)]
struct Scene {
    seed: u64,
    debounce: Duration,
    cuts: bool,
    rewinds: bool,
    layers: bool,
}

impl Scene {
    fn options<T: EtcdConfig>(&self, options: Options<T>) -> Options<T> {
        if self.layers { options.layer(format!("{PREFIX}{LAYER}")) } else { options }
    }

    /// A key without the prefix, in one layer or the other.
    fn somewhere(&self, path: &str, random: &mut Random) -> String {
        let layer = if self.layers && random.one_in(2) { LAYER } else { "" };
        format!("{layer}/{path}")
    }
}

/// Changes some keys, corrects all now and then, and commits some of it.
fn write(scene: &Scene, store: &MemoryStore, truth: &mut Truth, random: &mut Random) -> u64 {
    let mut transaction = store.transaction();
    for _ in 0..=random.below(3) {
        let path = KEYS[random.below(KEYS.len())];
        let key = scene.somewhere(path, random);
        let stored = format!("{PREFIX}{key}");
        if random.one_in(4) {
            truth.now.remove(&key);
            transaction = transaction.delete(stored);
        } else {
            let text = if path == "restart" { random.below(9).to_string() } else { random.text() };
            truth.now.insert(key, text.clone());
            transaction = transaction.put(stored, text);
        }
    }
    if random.one_in(4) {
        for (key, text) in truth.now.iter_mut().filter(|(key, _)| !key.ends_with("/restart")) {
            *text = random.below(9).to_string();
            transaction = transaction.put(format!("{PREFIX}{key}"), text.as_str());
        }
    }
    let commits = random.one_in(3);
    if commits {
        let key = scene.somewhere("version", random);
        transaction = transaction.put(format!("{PREFIX}{key}"), random.below(2).to_string());
    }
    let before = store.revision();
    let revision = transaction.commit();
    if revision > before {
        truth.note(revision, commits);
    }
    revision
}

fn play<T: Plain>(scene: Scene) {
    let Scene { seed, debounce, cuts, rewinds, .. } = scene;
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (folder, store, mut truth) = (Folder::new(), MemoryStore::new(), Truth::default());
    let options = scene.options(T::options());
    let live = options.cache_file(folder.file()).debounce(debounce).watch(&store).unwrap();
    truth.note(live.load().revision(), true);
    let (heard, followed) = <(Arc<Mutex<Vec<Change<T>>>>, Arc<Mutex<Vec<u32>>>)>::default();
    let (of_changes, of_values) = (Arc::clone(&heard), Arc::clone(&followed));
    live.on_change(move |change| of_changes.lock().unwrap().push(change.clone()));
    live.follow(T::one, move |one| of_values.lock().unwrap().push(one.number));
    let mut stream = live.changes();
    let streamed = std::thread::spawn(move || {
        let mut changes = Vec::new();
        while let Some(change) = runtime().block_on(soon(stream.next())) {
            changes.push(change);
        }
        changes
    });
    for _ in 0..40 {
        let revision = write(&scene, &store, &mut truth, &mut random);
        if cuts && random.one_in(12) {
            store.cut();
        }
        if rewinds && random.one_in(15) {
            let earlier = revision.saturating_sub(random.below(6) as u64).max(1);
            truth.rewind(store.rewind(earlier));
        }
        match random.below(6) {
            0 | 1 => sleep(Duration::from_millis(random.below(12) as u64)),
            2 if !rewinds && !T::COMMITS && live.wait_for_revision(revision, SOON).is_ok() => {
                let now = live.load().numbers();
                assert!(
                    truth.holds_since(revision, &now),
                    "seed {seed}: {revision} is not in force: {now:?}"
                );
            }
            _ => {}
        }
    }
    // A revision of an earlier history says nothing of this one.
    let newest = truth.at.keys().copied().fold(0, u64::max);
    let last = loop {
        let last = store.put("/moody/version", "9");
        truth.note(last, true);
        if last > newest {
            break last;
        }
    };
    if rewinds {
        until("rewound", || live.status().revision == last && live.load().revision() <= last);
    }
    let known = live.wait_for_revision(last, SOON);
    let status = live.status();
    let best = expected(&truth.now);
    if let Some(best) = &best {
        assert!(known.is_ok(), "seed {seed}: {known:?}\n{status}");
        assert_eq!(live.load().numbers(), *best, "seed {seed}: {:?}", truth.now);
    } else {
        assert!(known.is_err_and(|error| error.is_invalid()), "seed {seed}: {status}");
    }
    assert_eq!(status.refused_since.is_none(), best.is_some(), "seed {seed}: {status}");
    // Its default, 0, may be written down.
    let waits = effective(&truth.now).get("restart").is_some_and(|text| text != "0");
    assert_eq!(status.pending.len(), usize::from(waits), "seed {seed}: {status}");
    live.wait_for_callbacks(last, SOON).unwrap();
    live.close(SOON).unwrap();
    let snapshot = live.snapshot();
    let mut heard = std::mem::take(&mut *heard.lock().unwrap());
    let mut streamed = streamed.join().unwrap();
    for changes in [&heard, &streamed] {
        for change in changes {
            let (revision, numbers) = (change.after().revision(), change.after().numbers());
            assert!(truth.holds(revision, &numbers), "seed {seed}, at {revision}: {numbers:?}");
            let is_whole = !T::COMMITS || cuts || rewinds || is_among(&truth.committed, &numbers);
            assert!(is_whole, "seed {seed}, at {revision}, half an edit: {numbers:?}");
        }
        let has_gap = changes.windows(2).any(|pair| !Arc::ptr_eq(pair[0].after(), pair[1].before()));
        assert!(!has_gap, "seed {seed}: a change was missed");
        assert!(changes.last().is_none_or(|last| Arc::ptr_eq(last.after(), &snapshot)), "seed {seed}");
    }
    let followed = followed.lock().unwrap();
    assert_eq!(followed.last(), Some(&snapshot.one().number), "seed {seed}");
    assert!(followed.windows(2).all(|pair| pair[0] != pair[1]), "seed {seed}: {followed:?}");
    store.refuse(true);
    let cached = scene.options(folder.options::<T>()).watch(&store).unwrap();
    let is_restarted = |mut numbers: Numbers| {
        numbers.insert("restart".to_owned(), 0);
        numbers
    };
    assert_eq!(is_restarted(cached.load().numbers()), snapshot.numbers(), "seed {seed}: what is in the file");
    // The drops panic here as well.
    heard.drain(..).chain(streamed.drain(..)).for_each(let_go);
    let_go(snapshot);
    let_go(cached);
    let_go(live);
}

fn let_go<V>(value: V) {
    _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(value)));
}

fn is_on_purpose(panic: &std::panic::PanicHookInfo<'_>) -> bool {
    let words = panic.payload().downcast_ref::<&str>().copied();
    let words = words.or_else(|| panic.payload().downcast_ref::<String>().map(String::as_str));
    words.is_some_and(|words| words.ends_with("on purpose"))
}

/// `SEED` and `SEEDS` say which.
fn each_seed(play: impl Fn(u64)) {
    static QUIET: std::sync::Once = std::sync::Once::new();
    QUIET.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !is_on_purpose(panic) {
                before(panic);
            }
        }));
    });
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first = number("SEED").unwrap_or(1);
    (first..first + number("SEEDS").unwrap_or(8)).for_each(play);
}

const CALM: Scene = Scene { seed: 0, debounce: Duration::ZERO, cuts: false, rewinds: false, layers: false };
const COLLECTING: Scene = Scene { debounce: Duration::from_millis(5), ..CALM };

#[test]
fn changes_come_whole_and_to_the_last() {
    each_seed(|seed| play::<Free>(Scene { seed, ..CALM }));
    each_seed(|seed| play::<Free>(Scene { seed, ..COLLECTING }));
}

#[test]
fn changes_come_whole_and_to_the_last_though_streams_are_cut() {
    each_seed(|seed| play::<Free>(Scene { seed, cuts: true, ..CALM }));
    each_seed(|seed| play::<Committed>(Scene { seed, cuts: true, ..COLLECTING }));
}

#[test]
fn changes_come_whole_and_to_the_last_though_the_store_is_rewound() {
    each_seed(|seed| play::<Free>(Scene { seed, rewinds: true, ..CALM }));
    each_seed(|seed| play::<Free>(Scene { seed, rewinds: true, ..COLLECTING }));
    each_seed(|seed| play::<Committed>(Scene { seed, rewinds: true, ..CALM }));
    each_seed(|seed| play::<Committed>(Scene { seed, rewinds: true, ..COLLECTING }));
}

#[test]
fn changes_of_two_layers_come_whole_and_to_the_last_whatever_happens() {
    for layered in [Scene { layers: true, ..CALM }, Scene { layers: true, ..COLLECTING }] {
        each_seed(|seed| play::<Free>(Scene { seed, cuts: true, ..layered }));
        each_seed(|seed| play::<Free>(Scene { seed, rewinds: true, ..layered }));
        each_seed(|seed| play::<Committed>(Scene { seed, ..layered }));
        each_seed(|seed| play::<Committed>(Scene { seed, cuts: true, rewinds: true, ..layered }));
    }
}

#[test]
fn commits_come_whole_and_to_the_last() {
    each_seed(|seed| play::<Committed>(Scene { seed, ..CALM }));
    each_seed(|seed| play::<Committed>(Scene { seed, ..COLLECTING }));
}
