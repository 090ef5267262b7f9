//! What a restart would bring into force.

use crate::problem::{Kind, Problem};
use crate::tree::Node;

/// What differs below a `restart` key between then and now, if anything does.
pub(super) fn compare(key: &str, then: Option<&Node>, now: Option<&Node>) -> Option<Problem> {
    if same(then, now) {
        return None;
    }
    Some(Problem {
        kind: Kind::Pending,
        key: key.trim_end_matches('/').to_owned(),
        field: String::new(),
        expected: String::new(),
        what: "has changed since the start; a restart brings the change into force".to_owned(),
        value: None,
        revision: now.map(newest),
    })
}

/// Whether the values are the same; a value that was written again may have another revision.
fn same(then: Option<&Node>, now: Option<&Node>) -> bool {
    let (Some(then), Some(now)) = (then, now) else { return then.is_none() && now.is_none() };
    let value = |node: &'_ Node| node.value.as_ref().map(|raw| raw.value.clone());
    value(then) == value(now)
        && then.children.len() == now.children.len()
        && then.children.iter().all(|(name, child)| same(Some(child), now.children.get(name)))
}

fn newest(node: &Node) -> u64 {
    let own = node.value.as_ref().map_or(0, |raw| raw.revision);
    node.children.values().map(newest).fold(own, u64::max)
}
