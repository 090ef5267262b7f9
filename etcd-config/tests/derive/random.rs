//! Random changes: after each, an update has come to what a load comes to.

use etcd_config::EtcdConfig;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use etcd_config::__private::{decode_since, update_since};

use crate::keys::Keys;

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(validate = Settings::check)]
struct Settings {
    #[etcd(default = 1, alias = "old/size")]
    size: u8,
    maybe: Option<u8>,
    #[etcd(map)]
    numbers: HashMap<String, u8>,
    #[etcd(map)]
    by_number: BTreeMap<u8, bool>,
    #[etcd(nested)]
    entries: BTreeMap<String, Entry>,
    #[etcd(nested)]
    optional: Option<Entry>,
    #[etcd(flatten)]
    flat: Flat,
    #[etcd(key = "/app/entries/a/absolute", default = 0)]
    absolute: u8,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Entry {
    required: u8,
    #[etcd(default = 2)]
    other: u8,
    #[etcd(key = "/app/shared", default = 0)]
    shared: u8,
    #[etcd(nested, key = "common", alias = "/app/common")]
    common: Flat,
    #[etcd(nested, key = "/app/optional/common")]
    maybe: Option<Flat>,
    #[etcd(nested)]
    below: HashMap<String, Entry>,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Flat {
    #[etcd(default = 3)]
    level: u8,
}

impl Settings {
    fn check(&self) -> Result<(), &'static str> {
        if self.size == self.flat.level { Err("the same") } else { Ok(()) }
    }
}

const KEYS: [&str; 22] = [
    "common/level",
    "optional/common/level",
    "size",
    "old/size",
    "maybe",
    "numbers/a",
    "numbers/b",
    "numbers",
    "by_number/1",
    "by_number/01",
    "entries/a/required",
    "entries/a/other",
    "entries/b/required",
    "entries/b/below/x/required",
    "entries/b/below/x/other",
    "entries/a",
    "optional/required",
    "optional/other",
    "level",
    "shared",
    "entries/a/absolute",
    "unknown/key",
];

/// Mostly right for numbers; what is right for one key, is wrong for another.
const VALUES: [&str; 16] =
    ["0", "1", "2", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "true", "false", "bad"];

/// A small generator of its own, so that a seed says it all.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % 1_000_003).unwrap_or_default() % limit
    }
}

/// The bytes that there are, by key.
fn raw(tree: &etcd_config::__private::KeyTree) -> BTreeMap<String, Vec<u8>> {
    let value = |key: &&str| Some((format!("/app/{key}"), tree.get(key)?.to_vec()));
    KEYS.iter().filter_map(value).collect()
}

/// Each key is explained by what was there when the snapshot was read, and by what is there now.
fn assert_explains(
    explanation: &etcd_config::Explanation,
    in_force: &BTreeMap<String, Vec<u8>>,
    now: &BTreeMap<String, Vec<u8>>,
) {
    let text = |keys: &BTreeMap<String, Vec<u8>>, key: &str| {
        keys.get(key).map(|value| String::from_utf8_lossy(value).into_owned())
    };
    for row in explanation.rows() {
        assert!(row.key().starts_with("/app"), "a row of no key: {explanation}");
        if row.key() == "/app/shared" || row.key().contains("/common") {
            continue; // They are read by entries that come and go.
        }
        assert_eq!(row.stored().map(str::to_owned), text(now, row.key()), "{}: {explanation}", row.key());
        // One field has two names, and one is a directory.
        if !["/app/size", "/app/old/size", "/app/numbers"].contains(&row.key())
            && let Some(before) = text(in_force, row.key())
        {
            assert_eq!(row.in_force(), Some(before.as_str()), "{}: {explanation}", row.key());
        }
    }
    let is_entry = |key: &&str| key.starts_with("/app/numbers/");
    let keys = in_force.keys().chain(now.keys()).map(String::as_str);
    for key in keys.filter(is_entry) {
        assert!(explanation.rows().iter().any(|row| row.key() == key), "{key}: {explanation}");
    }
}

#[test]
fn an_update_comes_to_what_a_load_comes_to() {
    let accepted: usize = (1..=300).map(follow).sum();
    assert!(accepted > 2000, "most updates were refused, which proves little: {accepted}");
}

/// How many updates were accepted.
fn follow(seed: u64) -> usize {
    let mut accepted = 0;
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut keys = Keys::of::<Settings>("/app", &[]);
    let mut value = keys.decode::<Settings>().unwrap();
    let mut warnings: BTreeMap<String, String> = BTreeMap::new();
    let mut unpublished = etcd_config::__private::Replaced::default();
    let mut in_force = raw(&keys.tree);
    let mut published = keys.decode::<Settings>().unwrap();
    for step in 0..60 {
        let count = 1 + random.below(4);
        let mut changes: BTreeMap<String, Option<&str>> = BTreeMap::new();
        if !unpublished.is_empty() && random.below(2) == 0 {
            // What was refused is taken back, or nothing would be accepted for long.
            changes =
                unpublished.keys(keys.tree.prefix()).iter().map(|key| (key.to_string(), None)).collect();
            changes.extend(
                ["a", "b", "b/below/x"].map(|entry| (format!("/app/entries/{entry}/required"), Some("1"))),
            );
        }
        for _ in 0..count {
            let key = format!("/app/{}", KEYS[random.below(KEYS.len())]);
            let written = (random.below(3) > 0).then(|| VALUES[random.below(VALUES.len())]);
            changes.insert(key, written);
        }
        let changes: Vec<(&str, Option<&str>)> =
            changes.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        let touched = keys.change(&changes);
        for key in touched.keys(keys.tree.prefix()) {
            warnings.remove(key.as_ref());
        }
        let found =
            etcd_config::__private::warnings(keys.context.schema(), &keys.tree, Some(&touched.touched()));
        warnings.extend(found.into_iter().map(|warning| (warning.key().to_owned(), warning.to_string())));
        let all = keys
            .warnings()
            .into_iter()
            .map(|warning| (warning.key().to_owned(), warning.to_string()))
            .collect();
        assert_eq!(warnings, all, "seed {seed}, step {step}: {changes:?}");
        unpublished.merge(&touched);
        let explanation = etcd_config::__private::explain(&keys.tree, &keys.context, &unpublished, false);
        assert!(explanation.rows().len() >= 7, "seed {seed}, step {step}: {explanation}");
        assert_explains(&explanation, &in_force, &raw(&keys.tree));
        let mut settled = unpublished.clone();
        keys.tree.forget_changed_back(&mut settled);
        let now = raw(&keys.tree);
        let differ: Vec<&str> = in_force
            .iter()
            .filter(|(key, value)| now.get(*key) != Some(value))
            .chain(now.iter().filter(|(key, _)| !in_force.contains_key(*key)))
            .map(|(key, _)| key.as_str())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let still = settled.keys(keys.tree.prefix());
        let still: Vec<&str> = still.iter().map(|key| &**key).collect();
        assert_eq!(still, differ, "seed {seed}, step {step}: {changes:?}");
        let since = Some(&unpublished);
        let updated = update_since(&mut value, &keys.tree, &unpublished.touched(), &keys.context, since);
        match decode_since::<Settings>(&keys.tree, &keys.context, since) {
            Ok((fresh, differs)) => {
                assert_eq!(updated, Ok(differs), "seed {seed}, step {step}: {changes:?}");
                assert_eq!(value, fresh, "seed {seed}, step {step}: {changes:?}");
                // `1` for `01` is another key, and the same entry: that counts as a difference.
                let is_renamed = differ.iter().any(|key| key.starts_with("/app/by_number/"));
                let really_differs = fresh != published || (is_renamed && differs);
                assert_eq!(differs, really_differs, "seed {seed}, step {step}: {changes:?}: {differ:?}");
                published = fresh;
                unpublished = etcd_config::__private::Replaced::default();
                in_force = now;
                accepted += 1;
            }
            Err(problems) => {
                assert!(updated.is_err(), "seed {seed}, step {step}: {changes:?}: {problems:?}");
            }
        }
    }
    accepted
}
