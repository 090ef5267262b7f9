//! What a restart would bring into force.

use crate::problem::{Kind, Problem};
use crate::tree::Node;

/// What differs below a `restart` key between then and now, if anything does.
pub(super) fn compare(key: &str, then: Option<&Node>, now: Option<&Node>) -> Option<Problem> {
    if Node::same_values(then, now) {
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

fn newest(node: &Node) -> u64 {
    let own = node.value.as_ref().map_or(0, |raw| raw.revision);
    node.children.values().map(newest).fold(own, u64::max)
}
