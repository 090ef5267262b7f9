//! What is said of required keys that are not there: the keys that may have been meant for them, and those that
//! make them required.

use etcd_client_core::Printable;

use crate::lint::findings::{DESCRIBED, Finding, described, find};
use crate::lint::unread_key::{field_of, meant};
use crate::problem::{Kind, Problem};
use crate::schema::{ENTRY, Schema};
use crate::tree::{KeyTree, Node};

/// How many keys are named in one line.
const NAMED: usize = 3;
/// How many keys that no field reads are named below the problems.
const LISTED: usize = 10;

/// Explains the missing keys by those that are there.
pub(crate) fn explain(problems: &mut Vec<Problem>, schema: &Schema, tree: &KeyTree) {
    if problems.iter().all(|problem| problem.kind != Kind::Missing) {
        return;
    }
    let findings = find(schema, tree, None);
    name_documents(problems, schema, tree, &findings);
    let unread = findings.into_iter().filter(|finding| matches!(finding.kind, Kind::Unknown | Kind::NotAKey));
    let misspelt: Vec<(String, String)> = unread
        .take(DESCRIBED)
        .filter_map(|finding| Some((meant(schema, &finding.path)?.0, finding.path)))
        .map(|(meant, path)| (tree.prefix().join(&meant), tree.key_of(&path)))
        .collect();
    // No more are printed, and each is looked for among all fields.
    let missing = problems.iter_mut().filter(|problem| problem.kind == Kind::Missing);
    for problem in missing.take(DESCRIBED) {
        if let Some((_, path)) = misspelt.iter().find(|(meant, _)| *meant == problem.key) {
            problem.what = format!("{}; {}", problem.what, question(path));
        } else if let Some(beside) = beside(problem, schema, tree) {
            problem.what = format!("{}; {beside}", problem.what);
        }
    }
}

fn question(path: &str) -> String {
    format!("is it {}, which no field reads?", Printable::line(path))
}

/// Adds the keys that stand where the directory of missing ones is expected: what is missing may be in them.
fn name_documents(problems: &mut Vec<Problem>, schema: &Schema, tree: &KeyTree, findings: &[Finding]) {
    let documents = findings.iter().filter(|finding| finding.kind == Kind::NotADirectory);
    for document in documents.take(DESCRIBED) {
        let key = tree.prefix().join(&document.path);
        let is_below = |problem: &Problem| {
            let below = problem.key.strip_prefix(key.as_str());
            problem.kind == Kind::Missing && below.is_some_and(|below| below.starts_with('/'))
        };
        let is_named = problems.iter().any(|problem| problem.key == key);
        if let Some(first) = problems.iter().position(is_below).filter(|_| !is_named) {
            problems.insert(first, described(schema, tree, document));
        }
    }
}

/// The keys that make a missing one required, if it is in a directory that need not be there: most often they were
/// written one by one.
fn beside(missing: &Problem, schema: &Schema, tree: &KeyTree) -> Option<String> {
    let path = missing.key.strip_prefix(tree.prefix().directory())?;
    let field = field_of(schema, path).filter(|field| field.is_in_optional())?;
    let entry = field.relative.split('/').zip(path.split('/')).enumerate();
    let entry = entry.filter(|(_, (template, _))| *template == ENTRY).last();
    let (whole, directory) = match entry {
        Some((depth, (_, name))) => {
            let directory: Vec<&str> = path.split('/').take(depth + 1).collect();
            let name = Printable::line(name).at_most(Printable::LINE).to_string();
            (format!("the entry {name}"), directory.join("/"))
        }
        None => ("this directory".to_owned(), path.rsplit_once('/')?.0.to_owned()),
    };
    let mut keys = Vec::new();
    name_keys(tree, tree.root().descend(&directory)?, &mut tree.prefix().join(&directory), &mut keys);
    if keys.is_empty() {
        return None;
    }
    let more = if keys.len() > NAMED { ", ..." } else { "" };
    keys.truncate(NAMED);
    let keys = keys.join(", ");
    Some(format!(
        "of {whole} there is only {keys}{more}: write all of it in one edit, or in one `etcdctl txn`"
    ))
}

/// The keys of a directory, one more than are named.
fn name_keys(tree: &KeyTree, node: Node<'_>, key: &mut String, keys: &mut Vec<String>) {
    for (name, child) in node.children {
        if keys.len() > NAMED {
            return;
        }
        let length = key.len();
        key.push('/');
        key.push_str(name);
        if child.value.is_some() {
            keys.push(Printable::line(&tree.real_key(key)).at_most(Printable::LINE).to_string());
        }
        name_keys(tree, child, key, keys);
        key.truncate(length);
    }
}

/// The keys that no field reads and that no problem is about, for a start that fails: each would be found one start
/// later.
pub(crate) fn besides(problems: &[Problem], schema: &Schema, tree: &KeyTree) -> Option<String> {
    let unread: Vec<Finding> = find(schema, tree, None).into_iter().filter(Finding::is_unread).collect();
    let is_said = |key: &str| {
        let question = question(key);
        problems.iter().any(|problem| problem.key == key || problem.what.ends_with(&question))
    };
    let (looked_at, rest) = unread.split_at(unread.len().min(DESCRIBED));
    let described: Vec<Problem> = looked_at
        .iter()
        .map(|finding| described(schema, tree, finding).in_layer(tree))
        .filter(|problem| !is_said(&problem.key))
        .collect();
    let shown: Vec<String> =
        described.iter().take(LISTED).map(|problem| format!("\n    {problem}")).collect();
    let more = match described.len() - shown.len() + rest.len() {
        0 => String::new(),
        more => format!("\n    ... and {more} more"),
    };
    (!shown.is_empty()).then(|| format!("besides, no field reads:{}{more}", shown.concat()))
}
