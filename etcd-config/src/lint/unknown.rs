//! The keys that no field reads, and those that are read and should not be used any more.

use etcd_client_core::Printable;

use crate::leaf::oddity;
use crate::lint::hints::{meant, not_a_directory, not_a_key, reads, stray, unknown};
use crate::problem::{Kind, Problem};
use crate::schema::expected::{Expected, KeyUse};
use crate::schema::{ENTRY, Schema};
use crate::tree::{KeyTree, Node, Places, Raw, Touched};

/// The most unknown keys that are described one by one.
pub(crate) const DESCRIBED: usize = 100;

/// The unknown keys that `deny_unknown_keys` makes problems; among the touched ones, where given.
pub(crate) fn denied(schema: &Schema, tree: &KeyTree, touched: Option<&Touched>) -> Vec<Problem> {
    if !schema.denies() {
        return Vec::new();
    }
    let findings = find(schema, tree, touched);
    describe(schema, tree, findings.into_iter().filter(|finding| finding.denied && !finding.is_harmless()))
}

/// Names the keys that no field reads beside the missing ones that they may have been meant for.
pub(crate) fn name_misspelt(problems: &mut Vec<Problem>, schema: &Schema, tree: &KeyTree) {
    if problems.iter().all(|problem| problem.kind != Kind::Missing) {
        return;
    }
    let findings = find(schema, tree, None);
    name_documents(problems, schema, tree, &findings);
    let unread = findings.into_iter().filter(|finding| matches!(finding.kind, Kind::Unknown | Kind::NotAKey));
    let misspelt: Vec<(String, String)> = unread
        .take(DESCRIBED)
        .filter_map(|finding| Some((meant(schema, &finding.path)?.0, finding.path)))
        .map(|(meant, path)| (tree.prefix().join(&meant), tree.prefix().join(&path)))
        .collect();
    for problem in problems.iter_mut().filter(|problem| problem.kind == Kind::Missing) {
        if let Some((_, path)) = misspelt.iter().find(|(meant, _)| *meant == problem.key) {
            let path = Printable::line(path);
            problem.what = format!("{}; is it {path}, which no field reads?", problem.what);
        }
    }
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
            problems.insert(first, one(schema, tree, document));
        }
    }
}

/// Whether no field reads any of the keys, by none of its names.
pub(crate) fn is_all_unknown(schema: &Schema, tree: &KeyTree) -> bool {
    let findings = find(schema, tree, None);
    findings.len() == tree.len() && findings.iter().all(|finding| finding.kind == Kind::Unknown)
}

pub(crate) struct Finding {
    pub(crate) path: String,
    kind: Kind,
    /// Who reads the key, for aliases and deprecated ones.
    key_use: Option<KeyUse>,
    /// What is to be said of it, where that is known from its name or its value alone.
    said: Option<String>,
    revision: u64,
    denied: bool,
}

impl Finding {
    fn is_harmless(&self) -> bool {
        matches!(self.kind, Kind::Alias | Kind::Deprecated | Kind::OddText)
    }
}

/// Everything about the keys in `tree` that is worth a warning: unknown ones, aliases, deprecated ones;
/// among the touched ones, where given.
pub(crate) fn find(schema: &Schema, tree: &KeyTree, touched: Option<&Touched>) -> Vec<Finding> {
    let mut finder = Finder { path: String::new(), findings: Vec::new() };
    let expected = Expected::of(schema.branch(), tree.prefix());
    let denied = schema.branch().layout.deny_unknown_keys;
    finder.children(tree.root(), touched.map(Touched::places), &expected, denied);
    // No field need read the key that is only waited for.
    let commit_key = schema.branch().layout.commit_key;
    finder
        .findings
        .retain(|finding| finding.kind != Kind::Unknown || Some(finding.path.as_str()) != commit_key);
    if touched.is_none_or(Touched::has_strays) {
        for (key, raw) in tree.strays() {
            let relative = tree.prefix().relative(key).unwrap_or(key);
            finder.findings.push(Finding {
                path: String::from_utf8_lossy(relative).into_owned(),
                kind: Kind::Unknown,
                key_use: None,
                said: Some(stray(relative)),
                revision: raw.revision,
                denied,
            });
        }
    }
    finder.findings
}

struct Finder {
    path: String,
    findings: Vec<Finding>,
}

impl Finder {
    fn children(&mut self, node: &Node, touched: Option<&Places<()>>, expected: &Expected<'_>, denied: bool) {
        let denied = denied || expected.denied;
        // Where all children are expected to be the same, what that is, is found out once.
        let uniform = if expected.ahead.is_empty() { expected.below(ENTRY) } else { None };
        let mut visit = |name: &str, child: &Node, touched: Option<&Places<()>>| {
            let length = self.path.len();
            if length > 0 {
                self.path.push('/');
            }
            self.path.push_str(name);
            let own;
            let below = if uniform.is_some() && !name.is_empty() {
                uniform.as_ref()
            } else {
                own = expected.below(name);
                own.as_ref()
            };
            if let Some(below) = below {
                self.node(child, touched, below, denied);
            } else {
                let leaf = expected.value.is_some() && !expected.is_directory();
                let kind = if leaf { Kind::NotAKey } else { Kind::Unknown };
                self.all(child, touched, kind, denied);
            }
            self.path.truncate(length);
        };
        match touched {
            None => node.children.iter().for_each(|(name, child)| visit(name, child, None)),
            Some(touched) => {
                for (name, touched) in &touched.children {
                    if let Some(child) = node.children.get(name) {
                        visit(name, child, Some(touched));
                    }
                }
            }
        }
    }

    fn node(&mut self, node: &Node, touched: Option<&Places<()>>, expected: &Expected<'_>, denied: bool) {
        if let Some(raw) =
            node.value.as_ref().filter(|_| touched.is_none_or(|touched| touched.here.is_some()))
        {
            match expected.value {
                Some(key_use) if key_use.alias.is_some() => {
                    self.found(raw, Kind::Alias, Some(key_use), denied);
                }
                Some(key_use) if key_use.deprecated.is_some() => {
                    self.found(raw, Kind::Deprecated, Some(key_use), denied);
                }
                Some(key_use) if key_use.is_string => {
                    if let Some(odd) = std::str::from_utf8(&raw.value).ok().and_then(oddity) {
                        self.found(raw, Kind::OddText, Some(key_use), denied);
                        self.findings
                            .last_mut()
                            .into_iter()
                            .for_each(|last| last.said = Some(odd.to_owned()));
                    }
                }
                Some(_) => {}
                None => self.found(raw, Kind::NotADirectory, None, denied || expected.denied),
            }
        }
        if !node.children.is_empty() {
            self.children(node, touched, expected, denied);
        }
    }

    fn all(&mut self, node: &Node, touched: Option<&Places<()>>, kind: Kind, denied: bool) {
        if let Some(raw) =
            node.value.as_ref().filter(|_| touched.is_none_or(|touched| touched.here.is_some()))
        {
            self.found(raw, kind, None, denied);
        }
        for (name, child) in &node.children {
            let below = touched.map(|touched| touched.children.get(name));
            if matches!(below, Some(None)) {
                continue;
            }
            let length = self.path.len();
            self.path.push('/');
            self.path.push_str(name);
            self.all(child, below.flatten(), kind, denied);
            self.path.truncate(length);
        }
    }

    fn found(&mut self, raw: &Raw, kind: Kind, key_use: Option<KeyUse>, denied: bool) {
        let revision = raw.revision;
        let (path, said) = (self.path.clone(), None);
        self.findings.push(Finding { path, kind, key_use, said, revision, denied });
    }
}

fn describe(schema: &Schema, tree: &KeyTree, findings: impl Iterator<Item = Finding>) -> Vec<Problem> {
    let mut described = Vec::new();
    let mut more = 0;
    for finding in findings {
        if described.len() < DESCRIBED {
            described.push(one(schema, tree, &finding));
        } else {
            more += 1;
        }
    }
    described.extend(summary(tree, more));
    described
}

/// What is said of those that are not described one by one.
pub(crate) fn summary(tree: &KeyTree, more: usize) -> Option<Problem> {
    (more > 0).then(|| Problem {
        kind: Kind::Unknown,
        key: tree.prefix().path().to_owned(),
        field: String::new(),
        expected: String::new(),
        what: format!("and {more} more keys of this kind"),
        value: None,
        revision: None,
    })
}

/// What is said of a finding.
pub(crate) fn one(schema: &Schema, tree: &KeyTree, finding: &Finding) -> Problem {
    let key_use = || reads(schema, &finding.path).filter(|_| finding.kind == Kind::OddText);
    let what = match finding.kind {
        _ if finding.said.is_some() => finding.said.clone().unwrap_or_default(),
        Kind::Alias => {
            let (old, new) = finding.key_use.and_then(|key_use| key_use.alias).unwrap_or_default();
            format!("{old} is an old name of {new}, which counts where both are there")
        }
        Kind::Deprecated => {
            let instead = finding.key_use.and_then(|key_use| key_use.deprecated).unwrap_or_default();
            format!("deprecated: {instead}")
        }
        Kind::NotADirectory => {
            let value = tree.get(&finding.path).map(AsRef::as_ref).unwrap_or_default();
            not_a_directory(schema, &finding.path, value)
        }
        Kind::NotAKey => not_a_key(schema, &finding.path),
        _ => unknown(schema, &finding.path),
    };
    Problem {
        kind: finding.kind,
        key: tree.prefix().join(&finding.path),
        field: key_use().map(|field| field.path_of(&finding.path)).unwrap_or_default(),
        expected: key_use().map(|field| field.type_name().to_owned()).unwrap_or_default(),
        // There may be names of entries in it, of any length.
        what: Printable::line(&what).at_most(3 * Printable::LINE).to_string(),
        value: None,
        revision: Some(finding.revision),
    }
}
