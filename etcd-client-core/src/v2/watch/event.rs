//! What a watcher reports.

use std::time::Duration;

use crate::Error;
use crate::v2::wire::headers::Headers;
use crate::v2::wire::response::{Action, Answer, Node};

/// What a [`Watcher`](crate::v2::Watcher) reports.
///
/// To keep a copy of a directory, apply each [`Change`](Self::Change) and replace all of it at a
/// [`Resync`](Self::Resync). The others change no keys: [`Reconnect`](Self::Reconnect) and [`Error`](Self::Error) are for
/// a log.
///
/// ```
/// use etcd_client_core::v2::Event;
///
/// fn log(event: &Event) -> Option<String> {
///     match event {
///         Event::Reconnect(lost) => Some(format!("{:#}; again in {:?}", lost.error, lost.delay)),
///         Event::Error(error) => Some(format!("{error:#}")),
///         Event::Resync(resync) => Some(format!("read again at index {}: {:#}", resync.index, resync.error)),
///         _ => None,
///     }
/// }
/// # assert_eq!(log(&Event::Stop), None);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A key or directory changed. Every change is reported once, in the order of the indexes.
    Change(Change),
    /// The connection was lost, or could not be made, or the server has ended the watch without a change.
    /// The watcher tries again, and no change is lost.
    Reconnect(Reconnect),
    /// The server no longer has the changes since the last event. The watcher has read the state, and goes on
    /// after it: replace what you have by [`Resync::state`].
    Resync(Resync),
    /// The server answered with an error, such as a missing permission, or not as etcd does. The watcher tries
    /// again, unless the key is invalid.
    Error(Error),
    /// The watcher was stopped. Nothing follows.
    Stop,
}

/// A change of a key or a directory, in an [`Event::Change`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Change {
    /// What was done.
    pub action: Action,
    /// The key as it is now.
    pub node: Option<Node>,
    /// The key as it was before; `None` if it is new.
    pub prev_node: Option<Node>,
    /// The headers of the answer that brought it. Their [index](Headers::etcd_index) is that of the store
    /// when the server registered the watch, which may be before the change or after it.
    pub headers: Headers,
}

/// A lost or failed connection, or a watch that has ended without a change, in an [`Event::Reconnect`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reconnect {
    /// The failure. The headers of a watch that has ended without a change are those of its
    /// [`Refusal`](crate::v2::Refusal).
    pub error: Error,
    /// How many attempts have failed before this one, since the watcher last received something.
    pub attempt: u32,
    /// The pause before the next attempt.
    pub delay: Duration,
    /// The index from which changes are asked for; `None` before the watcher knows one.
    pub wait_index: Option<u64>,
}

/// The state that the watcher has read because changes were missed, in an [`Event::Resync`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resync {
    /// The reason: [`Kind::Compacted`](crate::Kind::Compacted) if the server no longer has the changes
    /// (code 401), [`Kind::FutureRevision`](crate::Kind::FutureRevision) if its history was replaced.
    pub error: Error,
    /// The key, or the directory with everything in it, as it is now; `None` if it does not exist.
    pub state: Option<Node>,
    /// The index of the state. Only later changes are reported from now on.
    pub index: u64,
}

impl Change {
    pub(in crate::v2) fn new(answer: Answer, headers: Headers) -> Self {
        let Answer { action, node, prev_node } = answer;
        Self { action, node, prev_node, headers }
    }

    /// The new value; `None` for a directory and for a deleted key.
    pub fn value(&self) -> Option<&str> {
        self.node.as_ref()?.value.as_deref()
    }

    /// The index of this change.
    pub fn index(&self) -> Option<u64> {
        self.node.as_ref().map(|node| node.modified_index).filter(|index| *index != 0)
    }
}

impl Event {
    /// What was done, if this is a change.
    pub fn action(&self) -> Option<Action> {
        self.change().map(|change| change.action)
    }

    /// The change, if this is one.
    pub fn change(&self) -> Option<&Change> {
        match self {
            Self::Change(change) => Some(change),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn a_change_shows_its_key_and_no_value() {
        let node = |value: &str| Node { key: "/k".into(), value: Some(value.into()), ..Node::default() };
        let answer = Answer { action: Action::Set, node: Some(node("new")), prev_node: Some(node("old")) };
        let mut map = HeaderMap::new();
        map.insert("x-etcd-index", "7".parse().unwrap());
        map.insert("set-cookie", "secret".parse().unwrap());
        let event = Event::Change(Change::new(answer, Headers::new(StatusCode::OK, map)));
        let shown = format!("{event:?}");
        assert!(shown.contains(r#""/k""#) && shown.contains("Some(7)"), "{shown}");
        assert!(!["new", "old", "secret"].iter().any(|value| shown.contains(value)), "{shown}");
        assert_eq!((event.action(), event.change().unwrap().value()), (Some(Action::Set), Some("new")));
    }
}
