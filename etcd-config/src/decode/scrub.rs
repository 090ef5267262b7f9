//! What a check of the user's has said, as it may be shown: it has seen values, secrets among them.

use etcd_client_core::Printable;

use crate::problem::{Kind, Problem};
use crate::tree::KeyTree;

/// The shortest text that is kept out of messages: less would be found in any of them.
const SHORTEST: usize = 4;

/// Whether a message was made by a function that has seen a whole struct.
pub(super) fn is_needed(problems: &[Problem]) -> bool {
    problems.iter().any(is_foreign)
}

/// Replaces the secrets in such messages, then escapes what a value may have brought with it.
pub(super) fn scrub(problems: &mut [Problem], secrets: &[String], tree: &KeyTree) {
    let secrets = secrets.iter().map(|secret| secret.trim()).filter(|secret| secret.len() >= SHORTEST);
    // As they are, and as `Debug` writes them.
    let secrets: Vec<String> =
        secrets.flat_map(|secret| [secret.to_owned(), secret.escape_debug().to_string()]).collect();
    for problem in problems.iter_mut().filter(|problem| is_foreign(problem)) {
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

fn is_foreign(problem: &Problem) -> bool {
    problem.kind == Kind::Refused
}
