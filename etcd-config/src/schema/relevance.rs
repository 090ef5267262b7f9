//! Which keys can make a difference to a configuration.

use super::Schema;
use super::expected::Expected;
use crate::tree::{KeyTree, Touched};

/// What of the touched keys can make a difference: those that a field reads, those that may not be there,
/// and those that make an optional directory one that is there.
pub(crate) fn keep_relevant(schema: &Schema, tree: &KeyTree, touched: Touched) -> Touched {
    let expected = Expected::of(schema.branch(), tree.prefix());
    touched.only(expected.denied, |path| matters(&expected, path))
}

fn matters(expected: &Expected<'_>, path: &str) -> bool {
    let (head, rest) = path.split_once('/').map_or((path, None), |(head, rest)| (head, Some(rest)));
    if expected.denied || expected.optional || expected.is_each() {
        return true;
    }
    let Some(below) = expected.below(head) else { return false };
    match rest {
        Some(rest) => matters(&below, rest),
        None => below.value.is_some() || below.denied || below.optional,
    }
}
