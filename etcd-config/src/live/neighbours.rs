//! Where the keys may be, when there are none below a prefix: asked of the store once, and only then.

use std::collections::BTreeSet;
use std::time::Duration;

use etcd_client_core::{Prefix, Printable, Store};
use tokio::time::timeout;

use crate::leaf::similar::distance;
use crate::lint::nothing_read::Neighbours;
use crate::schema::{ENTRY, Field, Schema};
use crate::shape::layout::Layout;
use crate::tree::beside::Beside;

/// The longest that a start waits for a hint.
const LIMIT: Duration = Duration::from_secs(1);
/// How many names of a directory are looked at, and how many are shown.
const NAMES: usize = 100;
const SHOWN: usize = 5;
/// The shortest name that another one may be a longer form of.
const SHORTEST: usize = 2;
/// How many directories are looked into, because their names are like the one that was wanted.
const TRIED: usize = 4;

/// Where the keys may be that are not below a prefix.
pub(crate) enum Hint {
    Elsewhere(String),
    /// What there is at all.
    Others(String),
    /// The prefix itself is a key.
    IsAKey,
}

impl Hint {
    /// For a person.
    pub(crate) fn said_of(self, schema: &Schema, prefix: &Prefix) -> Neighbours {
        match self {
            Self::Elsewhere(what) => Neighbours { what, is_meant: true },
            Self::Others(what) => Neighbours { what, is_meant: false },
            Self::IsAKey => {
                let keys = || schema.fields().iter().map(Field::key);
                let below = |key: &&str| key.starts_with(prefix.directory());
                let one =
                    keys().find(|key| below(key) && !key.contains(ENTRY)).or_else(|| keys().find(below));
                let example =
                    one.map(|key| format!(", such as {}", Printable::line(key))).unwrap_or_default();
                let what = format!(
                    "{prefix} itself is a key, which no field reads: each field has a key of its own{example}"
                );
                Neighbours { what, is_meant: false }
            }
        }
    }
}

/// Asks the store, for as long as there is time; nothing where it does not say.
pub(crate) async fn hint(
    store: &dyn Store,
    prefix: &Prefix,
    layout: &Layout,
    left: Duration,
) -> Option<Hint> {
    timeout(LIMIT.min(left), look_around(store, prefix, layout)).await.ok().flatten()
}

async fn look_around(store: &dyn Store, prefix: &Prefix, layout: &Layout) -> Option<Hint> {
    if let Some(api) = store.other_api(prefix).await {
        return Some(Hint::Elsewhere(format!(
            "the same servers hold keys there for etcd's {api} API, which is another store: read them with \
             etcd_config::client::{api}::Client, or write them with the API that is read here"
        )));
    }
    if let Some(other) = other_slash(prefix)
        && is_there(store, &other).await
    {
        return Some(keys_below(&other));
    }
    let (directory, names, missing) = nearest(store, prefix).await?;
    let (wanted, rest) = missing.split_first()?;
    if rest.is_empty() && names.iter().any(|name| name == wanted) {
        return Some(Hint::IsAKey);
    }
    for name in alike(&names, wanted).into_iter().filter(|_| !wanted.is_empty()) {
        let path = [&[name.trim_end_matches('/')], rest].concat().join("/");
        let other = Prefix::new(&directory.join(&path));
        if is_there(store, &other).await {
            return Some(keys_below(&other));
        }
    }
    if let Some(name) = continued(&names, wanted).filter(|_| rest.is_empty()) {
        let (key, whole_prefix) = (directory.join(name), prefix.join(""));
        return Some(Hint::Elsewhere(format!(
            "there is {}, but the keys of the prefix {prefix} begin with {}",
            Printable::line(&key),
            Printable::line(&whole_prefix)
        )));
    }
    if let Some(name) = read_of(&names, layout) {
        let key = Printable::line(&directory.join(name)).to_string();
        return Some(Hint::Elsewhere(format!("there is {key}; is the prefix {directory}?")));
    }
    let first: Vec<String> =
        names.iter().take(SHOWN).map(|name| Printable::line(name).at_most(40).to_string()).collect();
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    let place = match directory.directory() {
        "" => "the store begins with".to_owned(),
        directory => format!("{} holds", Printable::line(directory)),
    };
    Some(Hint::Others(format!("{place} {}{more}", first.join(", "))))
}

fn keys_below(prefix: &Prefix) -> Hint {
    Hint::Elsewhere(format!("there are keys below {prefix}; is that the prefix?"))
}

async fn is_there(store: &dyn Store, prefix: &Prefix) -> bool {
    store.names(prefix, 1).await.is_ok_and(|names| !names.is_empty())
}

/// The same path without the slash at its beginning, or with one.
fn other_slash(prefix: &Prefix) -> Option<Prefix> {
    let path = prefix.path();
    let other = path
        .strip_prefix('/')
        .map_or_else(|| format!("/{path}"), |rest| rest.trim_start_matches('/').to_owned());
    (!other.is_empty()).then(|| Prefix::new(&other))
}

/// The deepest directory around the prefix that there is, the names in it, and what of the prefix is not
/// in it.
async fn nearest<'p>(store: &dyn Store, prefix: &'p Prefix) -> Option<(Prefix, Vec<String>, Vec<&'p str>)> {
    let segments: Vec<&str> = prefix.directory().trim_end_matches('/').split('/').collect();
    for depth in (0..segments.len()).rev() {
        let (around, missing) = segments.split_at(depth);
        let directory = match around {
            [] => Prefix::new(""),
            around => Prefix::new(&format!("{}/", around.join("/"))),
        };
        // Whoever may not read there learns nothing.
        let names = store.names(&directory, NAMES).await.ok()?;
        if !names.is_empty() {
            return Some((directory, names, missing.to_vec()));
        }
    }
    None
}

/// The directories whose names are like the one that was wanted, the likest first. What the fleet and rollouts keep beside
/// a prefix is no configuration.
fn alike<'n>(names: &'n [String], wanted: &str) -> Vec<&'n str> {
    let rank = |name: &str| {
        let is_short = name.len().min(wanted.len()) < SHORTEST;
        let continues = || !is_short && (name.starts_with(wanted) || wanted.starts_with(name));
        distance(name, wanted).or_else(|| continues().then_some(usize::MAX))
    };
    let mut alike: Vec<(usize, &str)> = names
        .iter()
        .filter_map(|name| {
            let directory = name.strip_suffix('/').filter(|name| !name.is_empty() && !Beside::has(name))?;
            Some((rank(directory)?, name.as_str()))
        })
        .collect();
    alike.sort_by_key(|(rank, _)| *rank);
    alike.into_iter().map(|(_, name)| name).take(TRIED).collect()
}

/// A key whose name begins with the one that was wanted, and goes on with another separator.
fn continued<'n>(names: &'n [String], wanted: &str) -> Option<&'n String> {
    let goes_on = |name: &&String| {
        name.strip_prefix(wanted).is_some_and(|rest| rest.starts_with(['.', ':', '-', '_', '\\']))
    };
    // A directory may well be the one that was meant.
    names.iter().filter(|name| !wanted.is_empty() && !name.ends_with('/')).find(goes_on)
}

/// The first of the names that a field reads, where they are at least half of those that fields read.
fn read_of<'n>(names: &'n [String], layout: &Layout) -> Option<&'n String> {
    let wanted: BTreeSet<&str> = first_names(layout).collect();
    let is_read = |name: &&String| wanted.contains(name.trim_end_matches('/'));
    let found = names.iter().find(is_read)?;
    (names.iter().filter(is_read).count() * 2 >= wanted.len()).then_some(found)
}

/// What the keys of the fields begin with, as far as that is known without asking their types, which would
/// run code of the user's.
fn first_names(layout: &Layout) -> impl Iterator<Item = &'static str> {
    let keys = layout.fields.iter().map(|field| field.key);
    keys.filter(|key| !key.is_empty() && !key.starts_with('/')).filter_map(|key| key.split('/').next())
}
