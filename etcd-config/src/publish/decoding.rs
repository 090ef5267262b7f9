//! From keys to a value, where a panic of the user's code is a problem like others.

use std::sync::Arc;

use super::any_config::AnyConfig;
use super::snapshot::AnySnapshot;
use crate::decode::{self, Context, Derived};
use crate::problem::{Kind, Problem};
use crate::runtime::panics;
use crate::tree::{KeyTree, Replaced};

/// Decodes everything.
pub(crate) fn decoded_any(
    config: &dyn AnyConfig,
    tree: &KeyTree,
    context: &Context,
    since_published: Option<&Replaced>,
) -> Result<(Arc<dyn AnySnapshot>, bool), Vec<Problem>> {
    panics::caught(|| config.decode(tree, context, since_published))
        .unwrap_or_else(|panic| Err(panicked(context, &panic)))
}

/// The same, of a value without a revision.
pub(crate) fn decoded<T: Derived>(
    tree: &KeyTree,
    context: &Context,
    since_published: Option<&Replaced>,
) -> Result<(T, bool), Vec<Problem>> {
    panics::caught(|| decode::decode_since(tree, context, since_published))
        .unwrap_or_else(|panic| Err(panicked(context, &panic)))
}

fn panicked(context: &Context, panic: &str) -> Vec<Problem> {
    let schema = context.schema();
    // The message may hold any secret.
    let words = panics::shown(if schema.has_secrets() { panics::WITHHELD } else { panic });
    let what = format!("decoding or a check panicked: {words}");
    let problem = Problem::of_key(Kind::Refused, context.prefix().path(), what);
    let problem = Problem { expected: schema.name().to_owned(), ..problem };
    [context.default_problems(), &[problem]].concat()
}
