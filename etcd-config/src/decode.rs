//! From the tree of keys to a value of the derived struct, or to all that is wrong with them.

mod before;
mod check;
mod comparison;
mod context;
mod decoder;
mod derived;
mod described;
mod leaf_part;
mod literal_default;
mod map_part;
mod nested_part;
mod pending;
mod pin;
mod place;
mod scrub;
mod shared_schema;
mod survey;
mod type_name;

pub use self::check::{refusal, refusal_of};
pub use self::comparison::compared;
pub use self::context::Context;
pub(crate) use self::decoder::DEEPEST;
pub use self::decoder::Decoder;
pub use self::derived::Derived;
pub use self::described::described;
pub use self::leaf_part::{checked, leaf, leaf_of, leaf_with, skipped};
pub(crate) use self::map_part::Entries;
pub use self::map_part::{map, map_with};
pub use self::nested_part::{flattened, nested};
pub(crate) use self::survey::{defaults, survey, tree_of};

use self::decoder::Findings;
use self::place::Stale;
use crate::lint::{absent, findings, refused};
use crate::problem::Problem;
use crate::tree::{KeyTree, Replaced, Touched};

/// A `T` of the keys in `tree`. The first one that comes out right pins the `restart` fields.
pub fn decode<T: Derived>(tree: &KeyTree, context: &Context) -> Result<T, Vec<Problem>> {
    decode_since(tree, context, None).map(|(value, _)| value)
}

/// The same, and whether any value differs from the published snapshot, since which the keys in `published`
/// have changed.
pub fn decode_since<T: Derived>(
    tree: &KeyTree,
    context: &Context,
    published: Option<&Replaced>,
) -> Result<(T, bool), Vec<Problem>> {
    let mut value = None;
    let mut read = |at: &mut Decoder<'_>| {
        value = T::read(at, None);
        value.is_some()
    };
    let differs = read_all(&mut read, tree, context, published)?;
    // There is a value if there are no problems.
    value.map(|value| (value, differs)).ok_or_else(Vec::new)
}

/// What [`decode_since`] does whatever the type is. `read` keeps the value, and says whether there is one.
fn read_all(
    read: &mut dyn FnMut(&mut Decoder<'_>) -> bool,
    tree: &KeyTree,
    context: &Context,
    published: Option<&Replaced>,
) -> Result<bool, Vec<Problem>> {
    let mut decoder = Decoder::new(context, tree, Stale::All, published);
    let is_read = read(&mut decoder);
    let Findings { mut problems, pinned, secrets, differs } = decoder.finish();
    problems.extend(findings::denied_keys(context.schema(), tree, None));
    problems.extend(context.default_problems().iter().cloned());
    if is_read && problems.is_empty() {
        context.pin(pinned);
        return Ok(differs);
    }
    scrub::scrub(&mut problems, secrets, tree, context);
    explain(&mut problems, tree, context);
    Err(in_layers(problems, tree))
}

/// The problems with the keys as they are in their layers.
fn in_layers(mut problems: Vec<Problem>, tree: &KeyTree) -> Vec<Problem> {
    if !tree.layers().is_empty() {
        problems = problems.into_iter().map(|problem| problem.in_layer(tree)).collect();
    }
    problems
}

/// Reads a `T` for what is found out on the way.
fn look<T: Derived>(at: &mut Decoder<'_>) {
    drop(T::read(at, None));
}

/// Adds to the problems what the keys that are there say about them.
fn explain(problems: &mut Vec<Problem>, tree: &KeyTree, context: &Context) {
    refused::name_newest(problems, context.schema(), tree);
    absent::explain(problems, context.schema(), tree);
}

/// Replaces the secrets in what the user's code has said that has seen the values of these trees.
pub(crate) fn scrub_words<T: Derived>(problems: &mut [Problem], trees: [&KeyTree; 2], context: &Context) {
    let secrets = trees.iter().flat_map(|tree| {
        let mut decoder = Decoder::new(context, tree, Stale::All, None);
        look::<T>(&mut decoder);
        decoder.finish().secrets.into_iter().chain(scrub::stored(tree, context))
    });
    scrub::scrub(problems, secrets.collect(), trees[0], context);
}

/// What waits for a restart, with what a start would refuse of it. Everything is decoded for that, where
/// something waits: as by a process that begins now.
pub(crate) fn restart_preview<T: Derived>(
    changes: Vec<Problem>,
    tree: &KeyTree,
    context: &Context,
) -> Vec<Problem> {
    preview(look::<T>, changes, tree, context)
}

fn preview(
    look: fn(&mut Decoder<'_>),
    mut changes: Vec<Problem>,
    tree: &KeyTree,
    context: &Context,
) -> Vec<Problem> {
    if changes.is_empty() {
        return changes;
    }
    let mut decoder = Decoder::new(context, tree, Stale::All, None).at_a_start();
    look(&mut decoder);
    let Findings { mut problems, secrets, .. } = decoder.finish();
    scrub::scrub(&mut problems, secrets, tree, context);
    explain(&mut problems, tree, context);
    let real_key = |key: &str| tree.real_key(key).into_owned();
    changes.iter_mut().for_each(|change| pending::refuse(change, &problems, real_key));
    in_layers(changes, tree)
}

/// Brings `value` up to date: reads the touched keys again and leaves the rest alone. After a
/// problem `value` may hold some of the new keys, and the same keys have to be handed in again
/// with the next ones.
pub fn update<T: Derived>(
    value: &mut T,
    tree: &KeyTree,
    touched: &Touched,
    context: &Context,
) -> Result<(), Vec<Problem>> {
    update_since(value, tree, touched, context, None).map(drop)
}

/// The same, and whether any value differs from the published snapshot, since which `published` has been
/// replaced; of those keys, all that fields read are in `touched`.
pub fn update_since<T: Derived>(
    value: &mut T,
    tree: &KeyTree,
    touched: &Touched,
    context: &Context,
    published: Option<&Replaced>,
) -> Result<bool, Vec<Problem>> {
    if has_absolute(touched, context) {
        // Any struct in the tree may read an absolute key.
        let (fresh, differs) = decode_since(tree, context, published)?;
        *value = fresh;
        return Ok(differs);
    }
    let mut update = |at: &mut Decoder<'_>| {
        if let Some(replaced) = T::read(at, Some(&mut *value)) {
            *value = replaced;
        }
    };
    read_touched(&mut update, look::<T>, tree, touched, context, published)
}

/// Whether an absolute key was touched.
fn has_absolute(touched: &Touched, context: &Context) -> bool {
    context.absolute().iter().any(|path| touched.places().descend(path).is_some())
}

/// What [`update_since`] does whatever the type is: `update` brings a value up to date.
fn read_touched(
    update: &mut dyn FnMut(&mut Decoder<'_>),
    look: fn(&mut Decoder<'_>),
    tree: &KeyTree,
    touched: &Touched,
    context: &Context,
    published: Option<&Replaced>,
) -> Result<bool, Vec<Problem>> {
    let mut decoder = Decoder::new(context, tree, Stale::Only(touched.places()), published);
    update(&mut decoder);
    let Findings { mut problems, differs, .. } = decoder.finish();
    problems.extend(findings::denied_keys(context.schema(), tree, Some(touched)));
    if problems.is_empty() {
        return Ok(differs);
    }
    if scrub::is_needed(&problems) {
        // A check has seen secrets that were not among what was touched.
        let mut decoder = Decoder::new(context, tree, Stale::All, None);
        look(&mut decoder);
        scrub::scrub(&mut problems, decoder.finish().secrets, tree, context);
    }
    explain(&mut problems, tree, context);
    Err(in_layers(problems, tree))
}
