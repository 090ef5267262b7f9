//! The answers of the keys API.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, SeqAccess, Visitor};

use crate::printable::Length;
use crate::transport::not_etcd::whose_success;
use crate::v2::wire::headers::Headers;
use crate::{Error, Kind};

/// The result of a call: its body, and the headers of the reply.
///
/// ```no_run
/// # async fn example(client: etcd_client_core::v2::Client) -> Result<(), etcd_client_core::Error> {
/// let response = client.get("app/level").await?;
/// println!("{:?} at index {:?}", response.value(), response.headers().etcd_index());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Response<T = Answer> {
    body: T,
    headers: Headers,
}

impl<T> Response<T> {
    pub(in crate::v2) fn new(body: T, headers: Headers) -> Self {
        Self { body, headers }
    }

    /// The body: for the keys API an [`Answer`].
    pub fn body(&self) -> &T {
        &self.body
    }

    /// The body by value.
    pub fn into_body(self) -> T {
        self.body
    }

    /// The headers, such as etcd's index.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }
}

impl Response<Answer> {
    /// What was done.
    pub fn action(&self) -> Action {
        self.body.action
    }

    /// The key after the call or change; `None` if it was asked to be [left out](crate::v2::Call::no_value_on_success).
    pub fn node(&self) -> Option<&Node> {
        self.body.node.as_ref()
    }

    /// The value of the key; `None` for a directory, and for a deleted key.
    pub fn value(&self) -> Option<&str> {
        self.body.value()
    }
}

/// What was done to a key: the body of every [`Response`] of the keys API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Answer {
    /// What was done.
    pub action: Action,
    /// The key after the call or change; `None` if it was asked to be [left out](crate::v2::Call::no_value_on_success).
    #[serde(default)]
    pub node: Option<Node>,
    /// The key before the call or change; `None` if it is new, and for reads.
    #[serde(default, rename = "prevNode")]
    pub prev_node: Option<Node>,
}

impl Answer {
    /// The value of the key; `None` for a directory, and for a deleted key.
    pub fn value(&self) -> Option<&str> {
        self.node.as_ref()?.value.as_deref()
    }

    /// The index of this change; for a read, of the last change of the key.
    pub fn index(&self) -> Option<u64> {
        self.node.as_ref().map(|node| node.modified_index).filter(|index| *index != 0)
    }
}

/// What was done to a key, in an [`Answer`] or a [`Change`](crate::v2::Change).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Action {
    /// It was read.
    Get,
    /// It was written, whether it existed or not.
    Set,
    /// It was created.
    Create,
    /// It existed, and was written.
    Update,
    /// It was written, after a comparison of its value or index.
    CompareAndSwap,
    /// It was deleted, after a comparison of its value or index.
    CompareAndDelete,
    /// It was deleted.
    Delete,
    /// Its time to live was over, and the server deleted it.
    Expire,
    /// An action that this crate does not know.
    #[serde(other)]
    Unknown,
}

/// A key, or a directory of keys. `Debug` shows no values, which may be secret.
///
/// ```no_run
/// # async fn example(client: etcd_client_core::v2::Client) -> Result<(), etcd_client_core::Error> {
/// let response = client.get("app").recursive(true).await?;
/// for node in response.node().into_iter().flat_map(|directory| directory.walk()) {
///     match &node.value {
///         Some(value) => println!("{} = {value}", node.key),
///         None => println!("{}/", node.key),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Node {
    /// The whole key; `/` for the root.
    #[serde(default = "root", deserialize_with = "root_has_no_key")]
    pub key: String,
    /// The value; `None` for a directory, and for a deleted key.
    pub value: Option<String>,
    /// Whether this is a directory.
    pub dir: bool,
    /// The entries of the directory; below the first level only with [`recursive`](crate::v2::Call::recursive).
    #[serde(deserialize_with = "children")]
    pub nodes: Vec<Node>,
    /// The time to live that is left, in seconds; `None` if it does not expire.
    pub ttl: Option<i64>,
    /// When it expires, as RFC 3339; `None` if it does not.
    pub expiration: Option<String>,
    /// The index of the last change; 0 for the root.
    pub modified_index: u64,
    /// The index at which it was created; 0 for the root.
    pub created_index: u64,
}

impl Node {
    /// The last name in the key.
    pub fn name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }

    /// This node and everything in it, parents first.
    pub fn walk(&self) -> impl Iterator<Item = &Node> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            let node = open.pop()?;
            open.extend(node.nodes.iter().rev());
            Some(node)
        })
    }
}

fn root() -> String {
    "/".to_owned()
}

fn root_has_no_key<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let key = String::deserialize(deserializer)?;
    Ok(if key.is_empty() { root() } else { key })
}

/// What is in a directory. Each node says its key and its indexes; the first that does not ends the
/// reading, so that an answer takes no more memory than its bytes account for.
fn children<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Node>, D::Error> {
    struct Children;
    impl<'de> Visitor<'de> for Children {
        type Value = Vec<Node>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of nodes")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Node>, A::Error> {
            let mut nodes = Vec::new();
            while let Some(node) = seq.next_element::<Node>()? {
                if node.key.len() < 2 || node.modified_index == 0 || node.created_index == 0 {
                    return Err(serde::de::Error::custom("a node in a directory has no key or no index"));
                }
                nodes.push(node);
            }
            Ok(nodes)
        }

        fn visit_unit<E>(self) -> Result<Vec<Node>, E> {
            Ok(Vec::new())
        }
    }
    deserializer.deserialize_any(Children)
}

/// Parses a body as JSON of this form. The error names the line and column, but quotes nothing, because the body
/// may hold values.
pub(in crate::v2) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => "JSON of another form",
            // serde_json has no category of its own for the depth.
            _ if error.to_string().starts_with("recursion limit") => "nested too deeply",
            _ => "no JSON",
        };
        let hint = if what == "no JSON" { format!("; {}", whose_success()) } else { String::new() };
        let (line, column) = (error.line(), error.column());
        let message = format!(
            "the answer is not what etcd answers: {} bytes, {what} at line {line}, column {column}{hint}",
            body.len()
        );
        Error::new(Kind::Protocol, message)
    })
}

impl<T> fmt::Debug for Response<T> {
    /// Shows the headers only, because the body may hold secret values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Response");
        out.field("status", &self.headers.status()).field("etcd_index", &self.headers.etcd_index());
        out.finish_non_exhaustive()
    }
}

impl fmt::Debug for Node {
    /// Shows of the value how long it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Node");
        out.field("key", &self.key);
        if self.dir {
            out.field("dir", &true).field("nodes", &self.nodes.len());
        } else {
            out.field("value", &self.value.as_ref().map(Length::of));
        }
        if let Some(ttl) = self.ttl {
            out.field("ttl", &ttl).field("expiration", &self.expiration);
        }
        out.field("modified_index", &self.modified_index).field("created_index", &self.created_index).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Answer {
        parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_tree_is_read_with_all_that_may_be_missing() {
        let answer = read(
            r#"{"action":"get","node":{"dir":true,"nodes":[
                {"key":"/a","dir":true,"modifiedIndex":3,"createdIndex":3},
                {"key":"/b","value":"","expiration":"2026-01-01T00:00:00.5Z","ttl":7,"modifiedIndex":5,"createdIndex":4}
            ]}}"#,
        );
        let root = answer.node.unwrap();
        let keys: Vec<_> = root.walk().map(|node| (node.key.as_str(), node.name())).collect();
        assert_eq!((root.key.as_str(), root.dir), ("/", true));
        assert_eq!((root.modified_index, keys[1], keys[2]), (0, ("/a", "a"), ("/b", "b")));
        assert_eq!(root.nodes[0].nodes, []);
        assert_eq!((root.nodes[1].value.as_deref(), root.nodes[1].ttl), (Some(""), Some(7)));
    }

    #[test]
    fn actions_have_names() {
        let action = |name: &str| read(&format!(r#"{{"action":"{name}"}}"#)).action;
        assert_eq!(action("compareAndSwap"), Action::CompareAndSwap);
        assert_eq!(action("expire"), Action::Expire);
        assert_eq!(action("later"), Action::Unknown);
    }

    #[test]
    fn what_is_not_an_answer_is_an_error() {
        for body in ["", "{}", "[]", "garbage <html>", r#"{"action":7}"#, r#"{"action":"get","node":7}"#] {
            let error = parse::<Answer>(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), Kind::Protocol, "{body}");
        }
    }
}
