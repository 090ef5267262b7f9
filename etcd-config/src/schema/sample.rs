//! What stands for a value that only a person knows: its type, in angle brackets.

use super::{Field, Schema};
use crate::leaf::{Expectation, Shape};
use crate::shape::branch::{Branch, Content};

/// How many variants of an enum are named.
const NAMED: usize = 8;
/// What docs have before an example between backquotes.
const BEFORE_EXAMPLE: [&str; 6] =
    ["such as `", "for example `", "example: `", "for instance `", "e.g. `", "like `"];
/// The longest example of docs that is repeated, in bytes.
const EXAMPLE: usize = 60;

impl Schema {
    /// What to write for a field: `<u16>`, `<one of info, debug>`, `<SocketAddr, such as 127.0.0.1:8080>`. An example is
    /// the docs' or one that is known for the type, and never a value that is in force anywhere.
    pub(crate) fn sample(&self, field: &Field) -> String {
        let place = self.fields().iter().position(|other| std::ptr::eq(other, field));
        let mut expectations = Vec::new();
        of_branch(self.branch(), &mut expectations);
        let expectation = place.and_then(|place| expectations.get(place).copied());
        let ty = field.type_name();
        let variants = expectation.and_then(|expectation| match expectation.shape {
            Shape::Variants(names) if !names.is_empty() => Some(names),
            _ => None,
        });
        if let Some(names) = variants {
            let more = if names.len() > NAMED { ", ..." } else { "" };
            return format!("<one of {}{more}>", names[..names.len().min(NAMED)].join(", "));
        }
        let is_json = expectation.is_some_and(|expectation| {
            matches!(expectation.shape, Shape::List | Shape::Map | Shape::Struct(_))
        });
        let what = if is_json { format!("JSON for {ty}") } else { ty.to_owned() };
        match example_of(field.docs()).or_else(|| expectation.and_then(Expectation::example)) {
            Some(example) => format!("<{what}, such as {example}>"),
            None => format!("<{what}>"),
        }
    }
}

/// What each field expects, in the order of [`Schema::fields`].
fn of_branch<'s>(branch: &'s Branch, expectations: &mut Vec<&'s Expectation>) {
    branch.members.iter().for_each(|member| of_content(&member.content, expectations));
}

fn of_content<'s>(content: &'s Content, expectations: &mut Vec<&'s Expectation>) {
    match content {
        Content::Leaf(expectation) | Content::Map { entry: expectation, .. } => {
            expectations.push(expectation);
        }
        Content::Directory(branch) => of_branch(branch, expectations),
        Content::Optional(inner) | Content::Each(inner) => of_content(inner, expectations),
        Content::Above(_) => {}
    }
}

/// The first example between backquotes.
fn example_of(docs: &str) -> Option<&str> {
    let start = BEFORE_EXAMPLE.iter().find_map(|before| Some(docs.find(before)? + before.len()))?;
    let (example, _) = docs[start..].split_once('`')?;
    (!example.is_empty() && example.len() <= EXAMPLE && !example.contains('\n')).then_some(example)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_between_backquotes() {
        assert_eq!(example_of("Per-request budget, such as `1500ms`."), Some("1500ms"));
        assert_eq!(example_of("The host, e.g. `db` or `db2`."), Some("db"));
        for docs in ["", "Such as it is.", "such as `", "such as ``", "such as `a\nb`", &"x`".repeat(90)] {
            assert_eq!(example_of(docs), None, "{docs}");
        }
    }
}
