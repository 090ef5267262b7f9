//! Keys of which nothing is to be said but their values, as nearly all are: found without building what is expected.

use super::Schema;
use crate::shape::branch::{Branch, Content};

/// A key that one field reads by its own name, and that is not deprecated. It makes a difference to the
/// configuration, and the only thing that may be odd about it is its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ordinary {
    /// The value is a string, and taken as it is.
    pub(crate) is_string: bool,
}

impl Schema {
    /// Whether the key at this path below the prefix is ordinary. `None` says that [`Expected`](super::expected::Expected)
    /// knows more: a field may still read it.
    pub(crate) fn ordinary(&self, path: &str) -> Option<Ordinary> {
        // An absolute name may be that of any key.
        if self.has_absolute { None } else { in_directory(self.branch(), path) }
    }
}

fn in_directory(branch: &Branch, path: &str) -> Option<Ordinary> {
    let mut found = None;
    for member in &branch.members {
        for name in std::iter::once(member.field.key).chain(member.field.aliases.iter().copied()) {
            // The field sits in this directory itself.
            if name.is_empty() {
                return None;
            }
            let Some(rest) = below(name, path) else { continue };
            if found.is_some() || name != member.field.key || member.field.deprecated.is_some() {
                return None;
            }
            found = Some((&member.content, rest));
        }
    }
    let (content, rest) = found?;
    in_content(content, rest)
}

/// `rest` is what is left of the path below the content's key: nothing, or a slash and names.
fn in_content(content: &Content, rest: &str) -> Option<Ordinary> {
    let below = rest.strip_prefix('/');
    match (content, below) {
        (Content::Leaf(leaf), None) => Some(Ordinary { is_string: leaf.is_string() }),
        (Content::Map { entry, .. }, Some(name)) if !name.is_empty() && !name.contains('/') => {
            Some(Ordinary { is_string: entry.is_string() })
        }
        (Content::Directory(branch), Some(path)) => in_directory(branch, path),
        (Content::Optional(inner), _) => in_content(inner, rest),
        (Content::Each(inner), Some(path)) => {
            let end = path.find('/').filter(|end| *end > 0)?;
            in_content(inner, &path[end..])
        }
        _ => None,
    }
}

/// What is left of a path below a name: nothing, or a slash and names.
fn below<'p>(name: &str, path: &'p str) -> Option<&'p str> {
    path.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use etcd_client_core::Prefix;

    use super::*;
    use crate::leaf::Expectation;
    use crate::schema::expected::Expected;
    use crate::shape::branch::Member;
    use crate::shape::layout::{Field, Layout};

    static HOST: Field = Field::new("host", "host", "String");
    static RENAMED: Field = Field { aliases: &["old", "older/size"], ..Field::new("size", "size", "u8") };
    static GONE: Field = Field { deprecated: Some("use host"), ..Field::new("gone", "gone", "String") };
    static DEEP: Field = Field::new("deep", "deep/er", "u8");
    static MAP: Field = Field::new("map", "map", "HashMap<String, String>");
    static IN_MAP: Field = Field::new("special", "map/special", "u8");
    static POOLS: Field = Field::new("pools", "pools", "HashMap<String, Pool>");
    static MAYBE: Field = Field::new("maybe", "maybe", "Option<Pool>");
    static TREE: Field = Field::new("tree", "tree", "Tree");
    static FLAT: Field = Field::new("flat", "", "Flat");
    static ABSOLUTE: Field = Field::new("absolute", "/app/pools/a/host", "String");
    static ELSEWHERE: Field = Field::new("elsewhere", "/other/host", "String");

    const NAMES: [&str; 14] = [
        "", "host", "size", "old", "older", "gone", "deep", "er", "map", "special", "pools", "maybe", "tree",
        "x",
    ];

    fn leaf() -> Content {
        Content::Leaf(Expectation::unknown())
    }

    fn directory(members: Vec<(&'static Field, Content)>) -> Branch {
        static LAYOUT: Layout = Layout::new("Service", &[]);
        let members = members.into_iter().map(|(field, content)| Member { field, content }).collect();
        Branch { layout: &LAYOUT, members }
    }

    fn pool() -> Content {
        Content::Directory(Arc::new(directory(vec![(&HOST, leaf()), (&RENAMED, leaf()), (&GONE, leaf())])))
    }

    fn service(more: Vec<(&'static Field, Content)>) -> Schema {
        let map = || Content::Map { entry: Expectation::unknown(), ty: "String".to_owned() };
        let tree = directory(vec![(&HOST, leaf()), (&TREE, Content::Optional(Box::new(Content::Above(1))))]);
        let mut members = vec![
            (&HOST, leaf()),
            (&RENAMED, leaf()),
            (&GONE, leaf()),
            (&DEEP, leaf()),
            (&MAP, map()),
            (&IN_MAP, leaf()),
            (&POOLS, Content::Each(Box::new(pool()))),
            (&MAYBE, Content::Optional(Box::new(pool()))),
            (&TREE, Content::Directory(Arc::new(tree))),
        ];
        members.extend(more);
        Schema::new(directory(members), &Prefix::new("/app"))
    }

    /// All paths of up to three names.
    fn paths() -> Vec<String> {
        let deeper = |paths: &[String]| -> Vec<String> {
            paths.iter().flat_map(|path| NAMES.map(|name| format!("{path}/{name}"))).collect()
        };
        let one: Vec<String> = NAMES.map(str::to_owned).to_vec();
        let (two, three) = (deeper(&one), deeper(&deeper(&one)));
        [one, two, three].concat()
    }

    /// The ordinary ones among them, each of which is expected to be just that.
    fn ordinary(schema: &Schema) -> Vec<String> {
        let expected = Expected::of(schema.branch(), &Prefix::new("/app"));
        let is_ordinary = |path: &String| {
            let Some(ordinary) = schema.ordinary(path) else { return false };
            let place = path.split('/').try_fold(expected.clone(), |place, name| place.below(name));
            let key_use = place.and_then(|place| place.value).expect(path);
            assert!(key_use.alias.is_none() && key_use.deprecated.is_none(), "{path}");
            assert_eq!(key_use.is_string, ordinary.is_string, "{path}");
            true
        };
        paths().into_iter().filter(is_ordinary).collect()
    }

    #[test]
    fn what_is_ordinary_is_expected_to_be_just_that() {
        let found = ordinary(&service(Vec::new()));
        let is_in_map = |path: &&String| path.starts_with("map/");
        assert_eq!(
            found.iter().filter(is_in_map).count(),
            NAMES.len() - 2,
            "neither without a name, nor special"
        );
        let is_in_pools = |path: &&String| path.starts_with("pools/");
        assert_eq!(found.iter().filter(is_in_pools).count(), 2 * (NAMES.len() - 1), "in each pool");
        let elsewhere: Vec<_> =
            found.iter().filter(|path| !is_in_map(path) && !is_in_pools(path)).map(String::as_str).collect();
        assert_eq!(elsewhere, ["host", "size", "deep/er", "maybe/host", "maybe/size", "tree/host"]);
    }

    #[test]
    fn no_key_is_ordinary_where_a_field_may_be_anywhere() {
        assert!(ordinary(&service(vec![(&FLAT, pool())])).is_empty());
        assert!(ordinary(&service(vec![(&ABSOLUTE, leaf())])).is_empty());
        assert!(!ordinary(&service(vec![(&ELSEWHERE, leaf())])).is_empty());
    }
}
