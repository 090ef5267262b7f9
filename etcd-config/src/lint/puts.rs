//! The commands that write required keys that are not there.

use std::fmt::Write as _;

use etcd_client_core::Printable;

use crate::lint::unread_key::field_of;
use crate::problem::{Kind, Problem};
use crate::schema::Schema;
use crate::schema::etcdctl::quoting::{put_arguments, word};
use crate::tree::KeyTree;

/// How many commands are shown.
const SHOWN: usize = 20;

/// A command for each missing key, where no better reason is known for that than that nobody has written it. Where the
/// keys seem to be below another prefix, that may be another's.
pub(crate) fn puts(
    problems: &[Problem],
    schema: &Schema,
    tree: &KeyTree,
    is_elsewhere: bool,
) -> Option<String> {
    let missing = problems
        .iter()
        .filter(|problem| problem.kind == Kind::Missing && problem.what == Problem::NO_SUCH_KEY);
    let commands: Vec<String> =
        missing.clone().take(SHOWN).filter_map(|problem| command(problem, schema, tree)).collect();
    if commands.is_empty() {
        return None;
    }
    let what = if is_elsewhere { "if this prefix is right, this writes" } else { "to write" };
    let mut text = format!("{what} what is missing, with your values in place of <...>");
    if commands.iter().any(|command| command.ends_with(FROM_FILE)) {
        text.push_str(", and a secret in FILE, without a line break at its end");
    }
    text.push(':');
    for command in commands {
        // Writing to a string does not fail.
        let _ = write!(text, "\n    {command}");
    }
    let more = missing.count().saturating_sub(SHOWN);
    if more > 0 {
        let name = schema.name();
        let _ = write!(text, "\n    ... and {more} more: {name}::schema().to_etcdctl() has all of them");
    }
    Some(text)
}

/// A line for a POSIX shell. A key that cannot be shown as it is has none.
fn command(missing: &Problem, schema: &Schema, tree: &KeyTree) -> Option<String> {
    let path = missing.key.strip_prefix(tree.prefix().directory()).unwrap_or(&missing.key);
    let command = match field_of(schema, path) {
        // What is an argument is seen by other users of the machine, and kept in the shell's history.
        Some(field) if field.is_secret() => put_from_file(&missing.key),
        Some(field) => format!("etcdctl put {}", put_arguments(&missing.key, &schema.sample(field))),
        None => format!("etcdctl put {}", put_arguments(&missing.key, &format!("<{}>", missing.expected))),
    };
    (Printable::line(&command).at_most(COMMAND).to_string() == command).then_some(command)
}

/// etcdctl reads a value that is no argument from its standard input.
fn put_from_file(key: &str) -> String {
    let dashes = if key.starts_with('-') { "-- " } else { "" };
    format!("etcdctl put {dashes}{}{FROM_FILE}", word(key))
}

/// The end of such a command.
const FROM_FILE: &str = " < FILE";
/// The longest command, in characters.
const COMMAND: usize = 1_000;
