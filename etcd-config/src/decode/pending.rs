//! What a restart would bring into force.

use super::pin::Pin;
use crate::leaf::{FieldDefault, cut};
use crate::problem::{Kind, Problem};
use crate::shape::field_key::FieldKey;
use crate::shape::path::whole_key;
use crate::tree::{KeyTree, Node, NodeBuf};

/// What differs at a `restart` field between then and now, if anything does. `path` is that of the pin.
pub(super) fn compare(
    path: &str,
    pin: &Pin,
    tree: &KeyTree,
    is_secret: impl Fn(&str) -> bool,
) -> Option<Problem> {
    let here = tree.at(&pin.directory);
    let find = |name: FieldKey| Some(name.find(here, tree.root(), tree.prefix()));
    let (name, node) = pin.field.resolve(find, |node| node.is_some_and(pin.is_there))?;
    if Node::same_values(pin.node.as_ref().map(NodeBuf::read), node) || is_default_all_along(pin, node) {
        return None;
    }
    let name = if node.is_some() { name } else { pin.name };
    let key = whole_key(&pin.directory, name.written());
    let what = "has changed since the start; a restart brings the change into force";
    let waiting = Problem::of_key(Kind::Pending, key.trim_end_matches('/'), what);
    let path = path.strip_prefix('.').unwrap_or(path);
    Some(Problem {
        field: path.strip_suffix('.').unwrap_or(path).to_owned(),
        expected: pin.field.ty.to_owned(),
        value: node.and_then(text).filter(|_| !pin.field.secret && !is_secret(&waiting.key)).map(cut),
        revision: node.map(Node::newest),
        ..waiting
    })
}

/// What a key has, if it is no directory.
fn text(node: Node<'_>) -> Option<&str> {
    let raw = node.value.filter(|_| node.children.is_empty())?;
    std::str::from_utf8(raw.value).ok()
}

/// Whether the text is that of the literal default, then and now, be it written or not.
fn is_default_all_along(pin: &Pin, now: Option<Node<'_>>) -> bool {
    let FieldDefault::Text(default) = pin.field.default else { return false };
    let is_default = |node: Option<Node<'_>>| {
        node.is_none_or(|node| {
            let text = node.value.map(|raw| raw.value);
            text == Some(default.as_bytes()) && node.children.is_empty()
        })
    };
    is_default(pin.node.as_ref().map(NodeBuf::read)) && is_default(now)
}

/// Says of what waits that a start would refuse it, if one of these problems is in it. `real_key` is what a key is called
/// in its layer.
pub(super) fn refuse(waiting: &mut Problem, at_a_start: &[Problem], real_key: impl Fn(&str) -> String) {
    let is_below = |key: &str| {
        key.strip_prefix(&waiting.key).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if let Some(problem) = at_a_start.iter().find(|problem| is_below(&problem.key)) {
        // The line begins with the key: the same one is not named again.
        let why = match problem.revision {
            _ if problem.key != waiting.key => {
                Problem { key: real_key(&problem.key), ..problem.clone() }.to_string()
            }
            Some(revision) => format!("{} (set at revision {revision})", problem.what),
            None => problem.what.clone(),
        };
        waiting.kind = Kind::RestartRefused;
        waiting.what = format!("has changed since the start; a restart would fail: {why}");
    }
}
