//! What a check of the user's has said, as it may be shown: it has seen values, secrets among them.

use etcd_client_core::Printable;

use super::context::Context;
use crate::problem::{Kind, Problem};
use crate::schema::secrecy::Secrecy;
use crate::tree::KeyTree;
use crate::tree::directories::in_layer;

/// The shortest text that is kept out of messages: less would be found in any of them.
const SHORTEST: usize = 4;

/// The most messages that are shown: each is searched for each secret, and whoever may write can make many of
/// both.
const SHOWN: usize = 100;

/// Whether a message was made by a function that has seen a whole struct.
pub(super) fn is_needed(problems: &[Problem]) -> bool {
    problems.iter().any(is_foreign)
}

/// Replaces the secrets in such messages, those that were read and those that are stored, then escapes what a
/// value may have brought with it.
pub(super) fn scrub(problems: &mut [Problem], read: Vec<String>, tree: &KeyTree, context: &Context) {
    if !is_needed(problems) {
        return;
    }
    let secrets: Vec<String> = read.into_iter().chain(stored(tree, context)).collect();
    let secrets = secrets.iter().map(|secret| secret.trim()).filter(|secret| secret.len() >= SHORTEST);
    // As they are, and as `Debug` writes them.
    let mut secrets: Vec<String> =
        secrets.flat_map(|secret| [secret.to_owned(), secret.escape_debug().to_string()]).collect();
    // One may be the beginning of another, the rest of which would stay.
    secrets.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    secrets.dedup();
    for (number, problem) in problems.iter_mut().filter(|problem| is_foreign(problem)).enumerate() {
        if number >= SHOWN {
            "refused by its check".clone_into(&mut problem.what);
            continue;
        }
        for secret in &secrets {
            if problem.what.contains(secret.as_str()) {
                problem.what = problem.what.replace(secret.as_str(), "(secret)");
            }
        }
        let is_block = problem.what.contains('\n') && !tree.holds_line_breaks();
        let shown =
            if is_block { Printable::block(&problem.what, "") } else { Printable::line(&problem.what) };
        problem.what = shown.at_most(Printable::BLOCK).to_string();
    }
}

/// What is stored at keys that any field calls secret. That field need not have read it: the environment, an alias
/// or a restart may come before it, where another field reads the same key.
pub(super) fn stored<'k>(tree: &KeyTree, context: &'k Context) -> impl Iterator<Item = String> + use<'k> {
    let secrecy = Secrecy::of(context.schema().branch(), context.prefix());
    let entries = tree.entries().into_iter();
    entries
        .filter(move |entry| {
            in_layer(context.prefix(), &entry.key).is_some_and(|(_, path)| secrecy.is_secret(path))
        })
        .map(|entry| String::from_utf8_lossy(&entry.value).into_owned())
}

fn is_foreign(problem: &Problem) -> bool {
    matches!(problem.kind, Kind::Refused | Kind::NotBuilt)
}
