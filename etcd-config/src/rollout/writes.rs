//! The steps of a rollout, each as the writes of one transaction, from what is there at one revision. Nothing here asks
//! the store, and nothing is remembered from one step to the next but what is in it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use etcd_client_core::{Entry, Prefix, Printable, Write};

use super::actor::OWNER;
use super::record::{FORMAT, Former, RolloutKey, RolloutRecord};
use super::view::{RolloutPlace, View};
use crate::edit::readers::{Names, reader};
use crate::error::ConflictingKey;
use crate::schema::Schema;

/// Why a step is not made; nothing is written then.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// What it was decided on has changed: these keys.
    Conflict(Vec<ConflictingKey>),
    /// It may not be, for this reason.
    Refused(String),
    /// The rollout is not there.
    Gone,
}

/// A change that is to be staged.
pub(super) struct Staging {
    pub(super) id: String,
    /// Without former overrides.
    pub(super) record: RolloutRecord,
    /// By paths, without the commit key.
    pub(super) texts: BTreeMap<String, Bytes>,
    /// These are secret, or may be: no text of them is shown, nor kept in a record.
    pub(super) secret: BTreeSet<String>,
    /// Which field reads a key.
    pub(super) schema: Schema,
    /// The key below the prefix that readers wait for, if the struct has one.
    pub(super) commit_key: Option<(String, Bytes)>,
    /// What the change was decided on: keys below the prefix and their revisions.
    pub(super) decided_on: BTreeMap<Bytes, u64>,
    /// Whether overrides may be there.
    pub(super) replace: bool,
}

/// The keys of at most so many who work on it go together with a record. There is one, or one who aborts and the one who
/// has died; more end by their leases.
const ACTORS: usize = 4;

/// The most writes of any step of it: the promotion has most.
pub(super) fn most_writes(staging: &Staging) -> usize {
    let Staging { record, texts, commit_key, .. } = staging;
    let keys = texts.len() + usize::from(commit_key.is_some());
    1 + ACTORS + keys * (record.layers.len() + 1)
}

/// The change in the layers, and the record.
pub(super) fn stage(view: &View, place: &RolloutPlace, staging: &Staging) -> Result<Vec<Write>, Stop> {
    let Staging { id, record, texts, commit_key, decided_on, .. } = staging;
    let moved = moved(view, place, decided_on);
    if !moved.is_empty() {
        return Err(Stop::Conflict(moved));
    }
    refuse_second(view, place, record)?;
    refuse_other_names(view, place, staging)?;
    let former = former(view, staging)?;
    let text = RolloutRecord { former, ..record.clone() }.to_text();
    let most = FORMAT.longest;
    if text.len() > most {
        return Err(Stop::Refused(format!(
            "its record would have {} bytes, and {most} are the most: take overrides away first, or roll out to fewer \
             instances",
            text.len()
        )));
    }
    let mut writes = vec![put(view, place.record_key(id), Bytes::from(text))];
    for layer in &record.layers {
        for (path, text) in texts {
            writes.push(put(view, below(layer, path), text.clone()));
        }
        if let Some((path, text)) = commit_key {
            writes.push(put(view, below(layer, path), text.clone()));
        }
    }
    Ok(writes)
}

/// Everything that is not as it was decided on.
fn moved(view: &View, place: &RolloutPlace, decided_on: &BTreeMap<Bytes, u64>) -> Vec<ConflictingKey> {
    let text = |key: &Bytes| String::from_utf8_lossy(key).into_owned();
    let mut gone = decided_on.clone();
    let mut moved = Vec::new();
    for Entry { key, revision, .. } in view.below(&place.base) {
        if gone.remove(key) != Some(*revision) {
            moved.push(ConflictingKey { key: text(key), revision: Some(*revision) });
        }
    }
    moved.extend(gone.keys().map(|key| ConflictingKey { key: text(key), revision: None }));
    moved
}

/// Another rollout of one of the keys.
fn refuse_second(view: &View, place: &RolloutPlace, record: &RolloutRecord) -> Result<(), Stop> {
    for (id, _, other) in view.records(&place.records) {
        let (key, id) =
            (Printable::line(&place.record_key(&id)).to_string(), Printable::line(&id).to_string());
        let other = match other {
            Ok(other) => other,
            // Whatever else lies there is nobody's.
            Err(unreadable) if !unreadable.is_newer => continue,
            Err(unreadable) => {
                let why = unreadable.why;
                return Err(Stop::Refused(format!(
                    "there is {key}, which may be about the same: {why}; end that with the newer program first"
                )));
            }
        };
        let same = record.keys.iter().find(|key| other.keys.iter().any(|other| is_same(key, other)));
        if let Some(same) = same {
            let (path, by) = (Printable::line(&same.path), Printable::line(&other.by));
            return Err(Stop::Refused(format!(
                "{path} is being rolled out already, as {id} by {by}: resume or abort that first"
            )));
        }
    }
    Ok(())
}

/// The same key, one below the other, or one field by two of its names.
fn is_same(one: &RolloutKey, other: &RolloutKey) -> bool {
    overlap(&one.path, &other.path) || one.field == other.field && !one.field.is_empty()
}

fn overlap(one: &str, other: &str) -> bool {
    lies_in(one, other) || lies_in(other, one)
}

/// Whether a path is another one, or lies in its directory.
fn lies_in(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Another name of a field, or of what it is in. In a layer it might hide the change, or be hidden by it until the promotion
/// takes the change out of the layer. Below the prefix it is in the way as [`counts_instead`] says.
fn refuse_other_names(view: &View, place: &RolloutPlace, staging: &Staging) -> Result<(), Stop> {
    let Staging { record, schema, .. } = staging;
    for RolloutKey { path, .. } in &record.keys {
        let Some(reader) = reader(schema.branch(), &place.plan.prefix, path) else { continue };
        for names in reader.named {
            refuse_hidden(view, place, &names)?;
            for layer in &record.layers {
                let prefix = Prefix::new(layer);
                let is_there = |name: &&String| is_there(view, &prefix, name, &names);
                if let Some(other) = names.others().find(is_there) {
                    return Err(Stop::Refused(format!(
                        "{}, and has an override there: take it away first",
                        another_name(&below(layer, other), &names)
                    )));
                }
            }
        }
    }
    Ok(())
}

/// What is promoted by names that do not count below the prefix any more.
pub(super) fn refuse_renamed(
    view: &View,
    place: &RolloutPlace,
    schema: &Schema,
    promotion: &Promotion,
) -> Result<(), Stop> {
    for path in promotion.texts.keys().filter_map(|key| key.strip_prefix(place.base.directory())) {
        let reader = reader(schema.branch(), &place.plan.prefix, path);
        reader
            .iter()
            .flat_map(|reader| &reader.named)
            .try_for_each(|names| refuse_hidden(view, place, names))?;
    }
    Ok(())
}

fn refuse_hidden(view: &View, place: &RolloutPlace, names: &Names) -> Result<(), Stop> {
    match counts_instead(view, &place.base, names) {
        None => Ok(()),
        Some(other) => Err(Stop::Refused(format!(
            "{}, and that is there: change it by that name, or take it away first",
            another_name(&place.base.join(other), names)
        ))),
    }
}

/// The name that counts below the prefix, if it is not the one of the change and is in the way: an earlier name goes on
/// counting, so that the change would not; of a directory, what lies there by a later name would be hidden by the change.
fn counts_instead<'n>(view: &View, base: &Prefix, names: &'n Names) -> Option<&'n String> {
    let is_own_there = is_there(view, base, names.own_path(), names);
    let number = names.paths.iter().position(|name| is_there(view, base, name, names))?;
    let is_earlier = number < names.own;
    let is_hidden = number > names.own && !names.is_leaf && !is_own_there;
    (is_earlier || is_hidden).then(|| &names.paths[number])
}

/// Whether there is something by a name. What is there by the one of the change, which may lie in another, is not meant.
fn is_there(view: &View, prefix: &Prefix, name: &str, names: &Names) -> bool {
    let (own, name) = (prefix.join(names.own_path()), prefix.join(name));
    let is_at = |entry: &Entry, place: &str| {
        let key = std::str::from_utf8(&entry.key).unwrap_or_default();
        if names.is_leaf { key == place } else { lies_in(key, place) }
    };
    view.below(prefix).any(|entry| is_at(entry, &name) && (name == own || !is_at(entry, &own)))
}

fn another_name(key: &str, names: &Names) -> String {
    format!("{} is another name of {}", Printable::line(key), Printable::line(names.own_path()))
}

/// The overrides that are there.
fn former(view: &View, staging: &Staging) -> Result<Vec<Former>, Stop> {
    let Staging { record, texts, secret, replace, .. } = staging;
    let mut former = Vec::new();
    for layer in &record.layers {
        for path in texts.keys() {
            let key = below(layer, path);
            let Some(entry) = view.get(&key) else { continue };
            let (shown, is_secret) = (Printable::line(&key).to_string(), secret.contains(path));
            let text = std::str::from_utf8(&entry.value).ok();
            match text {
                _ if !replace => {
                    let value = match text {
                        Some(text) if !is_secret => format!(" = {}", Printable::line(text).at_most(100)),
                        _ => String::new(),
                    };
                    return Err(Stop::Refused(format!(
                        "there is an override already, {shown}{value}: take it away, or call `replace()`"
                    )));
                }
                Some(text) if !is_secret => former.push(Former { key, text: text.to_owned() }),
                _ => {
                    return Err(Stop::Refused(format!(
                        "the override {shown} cannot be replaced, as it could not be put back: it is {}; take it away first",
                        if is_secret {
                            "secret, or may be, and no secret is kept in a record"
                        } else {
                            "no text"
                        }
                    )));
                }
            }
        }
    }
    Ok(former)
}

/// What is promoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Promotion {
    pub(super) writes: Vec<Write>,
    /// By whole keys below the prefix.
    pub(super) texts: BTreeMap<String, Bytes>,
}

/// The change below the prefix, and no longer in the layers. The texts are those that the instances have had.
pub(super) fn promote(
    view: &View,
    place: &RolloutPlace,
    id: &str,
    commit_key: Option<&str>,
) -> Result<Promotion, Stop> {
    let (record, staged_at) = record_of(view, place, id)?;
    let mut changed = Vec::new();
    let mut promotion = Promotion { writes: without_record(view, place, id), texts: BTreeMap::new() };
    for RolloutKey { path, was_at, .. } in &record.keys {
        let key = place.base.join(path);
        let is_at = view.get(&key).map(|entry| entry.revision);
        if is_at != *was_at {
            changed.push(ConflictingKey { key: key.clone(), revision: is_at });
        }
        for layer in &record.layers {
            let own = below(layer, path);
            let Some(entry) = view.get(&own).filter(|entry| entry.revision == staged_at) else {
                let revision = view.get(&own).map(|entry| entry.revision);
                changed.push(ConflictingKey { key: own, revision });
                continue;
            };
            let text = promotion.texts.entry(key.clone()).or_insert_with(|| entry.value.clone());
            if *text != entry.value {
                changed.push(ConflictingKey { key: own.clone(), revision: Some(entry.revision) });
            }
            promotion.writes.push(delete(view, own));
        }
    }
    if !changed.is_empty() {
        return Err(Stop::Conflict(changed));
    }
    if let Some(path) = commit_key {
        let staged = record.layers.iter().find_map(|layer| view.get(&below(layer, path)));
        let text = staged.map_or_else(|| record.read_at.to_string().into(), |entry| entry.value.clone());
        promotion.texts.insert(place.base.join(path), text);
        promotion.writes.extend(record.layers.iter().filter_map(|layer| again(view, below(layer, path))));
    }
    for (key, text) in &promotion.texts {
        promotion.writes.push(put(view, key.clone(), text.clone()));
    }
    Ok(promotion)
}

/// The layers without the change, and overrides that somebody else has changed meanwhile, which stay.
pub(super) fn take_back(
    view: &View,
    place: &RolloutPlace,
    id: &str,
    commit_key: Option<&str>,
) -> Result<(Vec<Write>, Vec<String>), Stop> {
    let (record, staged_at) = record_of(view, place, id)?;
    let (mut writes, mut left) = (without_record(view, place, id), Vec::new());
    for layer in &record.layers {
        for RolloutKey { path, .. } in &record.keys {
            let key = below(layer, path);
            let former = record.former.iter().find(|former| former.key == key);
            match view.get(&key) {
                Some(entry) if entry.revision == staged_at => writes.push(match former {
                    Some(former) => put(view, key, Bytes::from(former.text.clone())),
                    None => delete(view, key),
                }),
                // Nobody puts back what somebody else has taken away.
                None => {}
                Some(_) => left.push(key),
            }
        }
        writes.extend(commit_key.and_then(|path| again(view, below(layer, path))));
    }
    Ok((writes, left))
}

/// The end of the record, and of the keys of those who work on it, of which one may have died.
fn without_record(view: &View, place: &RolloutPlace, id: &str) -> Vec<Write> {
    let record = place.record_key(id);
    let (below_it, owner) = (Prefix::new(&record), below(&record, OWNER));
    // By its absence the one who drives it knows that it may have been ended.
    let (first, others): (Vec<&Entry>, Vec<&Entry>) =
        view.below(&below_it).partition(|entry| entry.key == owner.as_bytes());
    let actors = first.into_iter().chain(others).take(ACTORS).map(delete_entry);
    std::iter::once(delete(view, record)).chain(actors).collect()
}

pub(super) fn record_of(view: &View, place: &RolloutPlace, id: &str) -> Result<(RolloutRecord, u64), Stop> {
    let found = view.records(&place.records).find(|(other, ..)| other == id);
    let Some((_, staged_at, record)) = found else { return Err(Stop::Gone) };
    let key = || Printable::line(&place.record_key(id)).to_string();
    record
        .map(|record| (record, staged_at))
        .map_err(|unreadable| Stop::Refused(format!("{} cannot be read: {}", key(), unreadable.why)))
}

/// A key of a layer.
pub(super) fn below(layer: &str, path: &str) -> String {
    Prefix::new(layer).join(path)
}

fn put(view: &View, key: String, value: Bytes) -> Write {
    let read_at = view.get(&key).map(|entry| entry.revision);
    Write { key: key.into(), value: Some(value), read_at }
}

fn delete(view: &View, key: String) -> Write {
    let read_at = view.get(&key).map(|entry| entry.revision);
    Write { key: key.into(), value: None, read_at }
}

fn delete_entry(entry: &Entry) -> Write {
    Write { key: entry.key.clone(), value: None, read_at: Some(entry.revision) }
}

/// The same text again, for those who wait for the key to be written; it is never taken away.
fn again(view: &View, key: String) -> Option<Write> {
    let value = view.get(&key)?.value.clone();
    Some(put(view, key, value))
}
