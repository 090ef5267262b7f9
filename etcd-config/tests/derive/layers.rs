//! Layers of keys, random ones, against a model of what they come to: for each field, what the highest layer has that has
//! it, by the name that it has there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use etcd_client_core::{Batch, Change, Entry, Listing, Prefix};
use etcd_config::__private::{Context, KeyTree, Replaced, decode, decode_since, explain, update_since};
use etcd_config::EtcdConfig;

/// The lowest one first. A key of one is no key of another, whatever begins alike.
const LAYERS: [&str; 3] = ["/app", "/app@b", "/app@a"];

#[derive(EtcdConfig, Clone, Debug, Default, PartialEq)]
struct Settings {
    plain: Option<String>,
    #[etcd(alias = "old/leaf", alias = "older_leaf")]
    leaf: Option<String>,
    #[etcd(map, alias = "old_map")]
    map: BTreeMap<String, String>,
    #[etcd(nested, alias = "database")]
    db: Option<Pool>,
    #[etcd(nested)]
    pools: BTreeMap<String, Pool>,
    #[etcd(flatten)]
    flat: Flat,
}

#[derive(EtcdConfig, Clone, Debug, Default, PartialEq)]
struct Pool {
    #[etcd(alias = "b")]
    a: Option<String>,
    c: Option<String>,
    #[etcd(map, alias = "n")]
    m: BTreeMap<String, String>,
    #[etcd(nested, alias = "under")]
    below: Option<Box<Pool>>,
}

#[derive(EtcdConfig, Clone, Debug, Default, PartialEq)]
struct Flat {
    #[etcd(alias = "old_flag")]
    flag: Option<String>,
}

/// Two fields share an old name, and one was moved out of another's directory.
#[derive(EtcdConfig, Clone, Debug, Default, PartialEq)]
struct Tangled {
    #[etcd(alias = "timeout")]
    connect: Option<String>,
    #[etcd(flatten)]
    other: Reading,
    #[etcd(nested, key = "db")]
    moved: Moved,
}

#[derive(EtcdConfig, Clone, Debug, Default, PartialEq)]
struct Reading {
    #[etcd(alias = "timeout")]
    read: Option<String>,
}

#[derive(EtcdConfig, Clone, Debug, Default, PartialEq)]
struct Moved {
    #[etcd(alias = "/app/host")]
    host: Option<String>,
}

/// A field was in the directory of another one, and one has a key where the directory of another was.
#[derive(EtcdConfig, Clone, Debug, Default, PartialEq)]
struct MovedOut {
    #[etcd(alias = "limits/default")]
    limit: Option<String>,
    #[etcd(map)]
    limits: BTreeMap<String, String>,
    #[etcd(nested, alias = "legacy")]
    pool: Option<Pool>,
    #[etcd(key = "legacy/name")]
    name: Option<String>,
}

/// What each layer has, by paths.
type State = [BTreeMap<String, String>; 3];

/// What each layer has of one directory, by where that is; `None` where it has none.
type Dirs = [Option<String>; 3];

const ROOT: [&str; 3] = [""; 3];

fn path(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

fn leaf(state: &State, dirs: &Dirs, names: &[&str]) -> Option<String> {
    (0..3).rev().find_map(|layer| {
        let directory = dirs[layer].as_ref()?;
        names.iter().find_map(|name| state[layer].get(&path(directory, name)).cloned())
    })
}

/// The directory of a field in each layer.
fn below(state: &State, dirs: &Dirs, names: &[&str]) -> Dirs {
    std::array::from_fn(|layer| {
        let directory = dirs[layer].as_ref()?;
        let mut places = names.iter().map(|name| path(directory, name));
        places.find(|place| state[layer].keys().any(|key| key.starts_with(&format!("{place}/"))))
    })
}

fn map(state: &State, dirs: &Dirs) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for layer in 0..3 {
        let Some(directory) = &dirs[layer] else { continue };
        for (key, value) in &state[layer] {
            let name = key.strip_prefix(&format!("{directory}/")).filter(|name| !name.contains('/'));
            map.extend(name.map(|name| (name.to_owned(), value.clone())));
        }
    }
    map
}

fn pool(state: &State, dirs: &Dirs) -> Option<Pool> {
    dirs.iter().any(Option::is_some).then(|| Pool {
        a: leaf(state, dirs, &["a", "b"]),
        c: leaf(state, dirs, &["c"]),
        m: map(state, &below(state, dirs, &["m", "n"])),
        below: pool(state, &below(state, dirs, &["below", "under"])).map(Box::new),
    })
}

fn expected(state: &State) -> Settings {
    let root: Dirs = ROOT.map(|root| Some(root.to_owned()));
    let names: BTreeSet<&str> = state
        .iter()
        .flat_map(BTreeMap::keys)
        .filter_map(|key| Some(key.strip_prefix("pools/")?.split_once('/')?.0))
        .collect();
    let entry =
        |name: &str| Some((name.to_owned(), pool(state, &below(state, &root, &[&format!("pools/{name}")]))?));
    Settings {
        plain: leaf(state, &root, &["plain"]),
        leaf: leaf(state, &root, &["leaf", "old/leaf", "older_leaf"]),
        map: map(state, &below(state, &root, &["map", "old_map"])),
        db: pool(state, &below(state, &root, &["db", "database"])),
        pools: names.into_iter().filter_map(entry).collect(),
        flat: Flat { flag: leaf(state, &root, &["flag", "old_flag"]) },
    }
}

fn expected_tangled(state: &State) -> Tangled {
    let root: Dirs = ROOT.map(|root| Some(root.to_owned()));
    Tangled {
        connect: leaf(state, &root, &["connect", "timeout"]),
        other: Reading { read: leaf(state, &root, &["read", "timeout"]) },
        moved: Moved { host: leaf(state, &root, &["db/host", "host"]) },
    }
}

fn expected_moved_out(state: &State) -> MovedOut {
    let root: Dirs = ROOT.map(|root| Some(root.to_owned()));
    MovedOut {
        limit: leaf(state, &root, &["limit", "limits/default"]),
        limits: map(state, &below(state, &root, &["limits"])),
        pool: pool(state, &below(state, &root, &["pool", "legacy"])),
        name: leaf(state, &root, &["legacy/name"]),
    }
}

const PATHS: [&str; 34] = [
    "plain",
    "leaf",
    "old/leaf",
    "older_leaf",
    "old/other",
    "map/x",
    "map/y",
    "old_map/x",
    "old_map/z",
    "map",
    "db",
    "db/a",
    "db/b",
    "db/c",
    "db/m/x",
    "db/n/x",
    "db/n/y",
    "db/below/a",
    "db/under/b",
    "db/under/c",
    "database/a",
    "database/b",
    "database/n/x",
    "database/under/m/x",
    "database/unknown",
    "pools/p/a",
    "pools/p/b",
    "pools/p/n/x",
    "pools/q/c",
    "pools/q/under/b",
    "pools/q/below/a",
    "flag",
    "old_flag",
    "unknown/key",
];

const TANGLED: [&str; 6] = ["connect", "read", "timeout", "db/host", "host", "db/other"];

const MOVED_OUT: [&str; 9] = [
    "limit",
    "limits/default",
    "limits/other",
    "limits",
    "pool/a",
    "pool/n/x",
    "legacy/b",
    "legacy/c",
    "legacy/name",
];

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % 1_000_003).unwrap_or_default() % limit
    }
}

fn prefix() -> Prefix {
    let [lowest, higher @ ..] = LAYERS.map(Prefix::new);
    higher.iter().fold(lowest, |joined, layer| joined.and(layer).expect("they lie beside each other"))
}

fn key(layer: usize, path: &str) -> String {
    format!("{}/{path}", LAYERS[layer])
}

fn listing(state: &State, revision: u64) -> Listing {
    let of_layer = |(layer, keys): (usize, &BTreeMap<String, String>)| -> Vec<Entry> {
        let entry = |(path, value): (&String, &String)| Entry {
            key: key(layer, path).into(),
            value: value.clone().into(),
            revision,
        };
        keys.iter().map(entry).collect()
    };
    let mut entries: Vec<Entry> = state.iter().enumerate().flat_map(of_layer).collect();
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    Listing { revision, cluster: 0, entries }
}

/// Some puts and deletions; now and then the deletion of a directory.
fn changes(random: &mut Random, paths: &[&str], state: &mut State, revision: u64) -> Vec<Change> {
    let mut changed = BTreeMap::new();
    for _ in 0..=random.below(4) {
        let (layer, path) = (random.below(3), paths[random.below(paths.len())]);
        if random.below(20) == 0 {
            let directory = format!("{}/", path.split('/').next().unwrap_or_default());
            state[layer].retain(|path, _| !path.starts_with(&directory));
            changed.retain(|other: &String, _| !other.starts_with(&key(layer, &directory)));
            let start = key(layer, &directory);
            changed.insert(start.clone(), Change::DeleteBelow(start.into()));
            return changed.into_values().collect();
        }
        let key = key(layer, path);
        if random.below(5) < 3 {
            // Few values, so that layers often agree.
            let value = random.below(4).to_string();
            state[layer].insert(path.to_owned(), value.clone());
            let entry = Entry { key: key.clone().into(), value: value.into(), revision };
            changed.insert(key, Change::Put(entry));
        } else if state[layer].remove(path).is_some() {
            changed.insert(key.clone(), Change::Delete(key.into()));
        }
    }
    changed.into_values().collect()
}

fn follow<T>(seed: u64, paths: &[&str], expected: fn(&State) -> T)
where
    T: EtcdConfig + Clone + std::fmt::Debug + Default + PartialEq,
{
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut state = State::default();
    let context = Context::new::<T>(prefix());
    let mut tree = context.tree(&listing(&state, 1));
    let mut value = decode::<T>(&tree, &context).expect("nothing is required");
    let mut published = value.clone();
    let mut unpublished = Replaced::default();
    for step in 0..40 {
        let revision = step + 2;
        let changes = changes(&mut random, paths, &mut state, revision);
        let at = format!("seed {seed}, step {step}: {changes:?}");
        let replaced = tree.apply(&Batch { revision, changes });
        let fresh = context.tree(&listing(&state, revision));
        let want = expected(&state);
        assert_eq!(decode::<T>(&fresh, &context), Ok(want.clone()), "a load, {at}\n{state:#?}");
        let shown = |tree: &KeyTree| -> Vec<(&str, Option<Vec<u8>>)> {
            paths.iter().map(|path| (*path, tree.get(path).map(|value| value.to_vec()))).collect()
        };
        assert_eq!(shown(&tree), shown(&fresh), "{at}\n{state:#?}");
        assert_eq!(tree.len(), fresh.len(), "{at}");
        unpublished.merge(&replaced);
        let since = Some(&unpublished);
        let updated = update_since(&mut value, &tree, &unpublished.touched(), &context, since);
        let (again, differs) = decode_since::<T>(&tree, &context, since).expect("nothing is required");
        assert_eq!(updated, Ok(differs), "{at}");
        assert_eq!((&value, &again), (&want, &want), "an update, {at}\n{state:#?}");
        // That a value was moved from one name to another may count as a difference.
        assert!(differs || want == published, "{at}\n{published:#?}\n{want:#?}");
        for row in explain(&tree, &context, &unpublished, false).rows() {
            let Some(layer) = row.layer() else { continue };
            let layer = LAYERS.iter().position(|one| *one == layer).expect("it is a layer");
            let path = row.key().strip_prefix(&format!("{}/", LAYERS[layer])).expect("its key is in it");
            // A row whose key is gone names the one that is in force.
            if row.stored().is_some() {
                assert_eq!(row.stored(), state[layer].get(path).map(String::as_str), "{}, {at}", row.key());
            }
        }
        if random.below(2) == 0 {
            (published, unpublished) = (want, Replaced::default());
        }
    }
}

#[test]
fn layers_come_to_what_the_model_says() {
    for seed in 1..=60 {
        follow::<Settings>(seed, &PATHS, expected);
    }
}

#[test]
fn so_do_layers_of_fields_that_lie_in_each_other() {
    for seed in 1..=60 {
        follow::<Tangled>(seed, &TANGLED, expected_tangled);
    }
}

/// What another field reads stays, by whichever name a higher layer has the field whose old name it is.
#[test]
fn so_do_layers_of_fields_that_were_in_the_directories_of_others() {
    for seed in 1..=60 {
        follow::<MovedOut>(seed, &MOVED_OUT, expected_moved_out);
    }
}

/// A resync of a large map, in which each entry has a field with an alias: as many fields change as there are entries.
#[test]
fn many_changes_cost_no_more_each_than_few() {
    let changes = |count: u64| -> Duration {
        let context = Context::new::<Settings>(prefix());
        let mut tree = context.tree(&listing(&State::default(), 1));
        let change = |number: u64| {
            let key = key(1, &format!("pools/entry-{number:08}/b"));
            Change::Put(Entry { key: key.into(), value: "1".into(), revision: 2 })
        };
        let batch = Batch { revision: 2, changes: (0..count).map(change).collect() };
        let begin = Instant::now();
        tree.apply(&batch);
        begin.elapsed()
    };
    let few = (0..5).map(|_| changes(1_000)).min().unwrap();
    let many = changes(30_000);
    // Thirty times as many; the square would be nine hundred.
    assert!(many < few * 200 + Duration::from_secs(1), "{few:?} and {many:?}");
}
