//! What is odd about single keys: no field reads them, or one does by an old name, or the text in them is odd.

use etcd_client_core::Printable;

use crate::leaf::{cut, oddity};
use crate::lint::unread_key::{field_of, not_a_directory, not_a_key, said_of_stray, unknown};
use crate::problem::{Kind, Problem};
use crate::schema::expected::{Expected, KeyUse};
use crate::schema::{ENTRY, Field, Schema};
use crate::tree::directories::in_layer;
use crate::tree::{KeyTree, Node, Places, Raw, Touched};

/// The most keys that are described one by one.
pub(crate) const DESCRIBED: usize = 100;

/// The unknown keys that `deny_unknown_keys` makes problems; among the touched ones, where given.
pub(crate) fn denied_keys(schema: &Schema, tree: &KeyTree, touched: Option<&Touched>) -> Vec<Problem> {
    if !schema.denies() {
        return Vec::new();
    }
    let findings = find(schema, tree, touched);
    let mut denied = findings.into_iter().filter(Finding::is_denied);
    let mut described: Vec<_> =
        denied.by_ref().take(DESCRIBED).map(|finding| self::described(schema, tree, &finding)).collect();
    described.extend(summary(tree, denied.count(), "further keys that no field reads"));
    described
}

/// Whether no field reads any of the keys, by none of its names.
pub(crate) fn is_all_unknown(schema: &Schema, tree: &KeyTree) -> bool {
    let findings = find(schema, tree, None);
    findings.len() == tree.len() && findings.iter().all(|finding| finding.kind == Kind::Unknown)
}

/// One key that something is odd about.
pub(crate) struct Finding {
    pub(crate) path: String,
    /// The whole key, where it is no path.
    stray: Option<String>,
    pub(crate) kind: Kind,
    /// Who reads the key, for aliases and deprecated ones.
    key_use: Option<KeyUse>,
    /// What is to be said of it, where that is known from its name or its value alone.
    said: Option<String>,
    revision: u64,
    denied: bool,
}

impl Finding {
    /// The whole key, as if there were only the lowest layer.
    pub(crate) fn key(&self, tree: &KeyTree) -> String {
        self.stray.clone().unwrap_or_else(|| tree.prefix().join(&self.path))
    }

    /// Whether no field reads the key.
    pub(crate) fn is_unread(&self) -> bool {
        matches!(self.kind, Kind::Unknown | Kind::NotAKey | Kind::NotADirectory)
    }

    /// Whether `deny_unknown_keys` makes a problem of it.
    fn is_denied(&self) -> bool {
        self.denied && self.is_unread()
    }
}

/// Everything about the keys in `tree` that is worth a warning: unknown ones, aliases, deprecated ones, odd texts;
/// among the touched ones, where given.
pub(crate) fn find(schema: &Schema, tree: &KeyTree, touched: Option<&Touched>) -> Vec<Finding> {
    let mut finder = Finder { path: String::new(), findings: Vec::new() };
    let expected = Expected::of(schema.branch(), tree.base());
    let denied = schema.branch().layout.deny_unknown_keys;
    finder.children(tree.root(), touched.map(Touched::places), &expected, denied);
    // No field need read the key that is only waited for.
    let commit_key = schema.branch().layout.commit_key;
    finder
        .findings
        .retain(|finding| finding.kind != Kind::Unknown || Some(finding.path.as_str()) != commit_key);
    if touched.is_none_or(Touched::has_strays) {
        for (key, raw) in tree.strays() {
            let relative = in_layer(tree.prefix(), key).map_or(&key[..], |(_, relative)| relative);
            finder.findings.push(Finding {
                path: String::from_utf8_lossy(relative).into_owned(),
                stray: Some(String::from_utf8_lossy(key).into_owned()),
                kind: Kind::Unknown,
                key_use: None,
                said: Some(said_of_stray(relative)),
                revision: raw.revision(),
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
                    self.found(raw, Kind::Alias, Some(key_use), None, denied);
                }
                Some(key_use) if key_use.deprecated.is_some() => {
                    self.found(raw, Kind::Deprecated, Some(key_use), None, denied);
                }
                Some(key_use) if key_use.is_string => {
                    if let Some(odd) = std::str::from_utf8(&raw.value).ok().and_then(oddity) {
                        self.found(raw, Kind::OddText, Some(key_use), Some(odd), denied);
                    }
                }
                Some(_) => {}
                None => self.found(raw, Kind::NotADirectory, None, None, denied || expected.denied),
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
            self.found(raw, kind, None, None, denied);
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

    fn found(
        &mut self,
        raw: &Raw,
        kind: Kind,
        key_use: Option<KeyUse>,
        said: Option<&'static str>,
        denied: bool,
    ) {
        let revision = raw.revision();
        let (path, said) = (self.path.clone(), said.map(str::to_owned));
        self.findings.push(Finding { path, stray: None, kind, key_use, said, revision, denied });
    }
}

/// What is said of those that are not described one by one; `which` says what keys these are.
pub(crate) fn summary(tree: &KeyTree, more: usize, which: &str) -> Option<Problem> {
    let what = format!("{which}: {more}");
    (more > 0).then(|| Problem::of_key(Kind::Unknown, tree.prefix().path(), what))
}

/// The field that reads the key of a finding, and the key by which it is known.
fn field_read_by<'s>(schema: &'s Schema, finding: &Finding) -> Option<(String, &'s Field)> {
    let key = match finding.key_use?.alias {
        Some((old, new)) => format!("{}{new}", finding.path.strip_suffix(old)?),
        None => finding.path.clone(),
    };
    field_of(schema, &key).map(|field| (key, field))
}

/// What is stored there, unless it is a secret, or may be one as no field reads it.
fn shown_value(tree: &KeyTree, finding: &Finding) -> Option<String> {
    finding.key_use.filter(|key_use| !key_use.secret)?;
    std::str::from_utf8(tree.get(&finding.path)?.as_ref()).ok().map(cut)
}

impl Problem {
    /// The same with the key as it is in its layer.
    pub(crate) fn in_layer(self, tree: &KeyTree) -> Self {
        Self { key: tree.real_key(&self.key).into_owned(), ..self }
    }
}

/// What is said of a finding.
pub(crate) fn described(schema: &Schema, tree: &KeyTree, finding: &Finding) -> Problem {
    let (field, value) = (field_read_by(schema, finding), shown_value(tree, finding));
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
        _ => unknown(schema, tree, &finding.path),
    };
    // There may be names of entries in it, of any length.
    let what = Printable::line(&what).at_most(3 * Printable::LINE).to_string();
    Problem {
        field: field.as_ref().map(|(key, field)| field.path_of(key)).unwrap_or_default(),
        expected: field.map(|(_, field)| field.type_name().to_owned()).unwrap_or_default(),
        value,
        revision: Some(finding.revision),
        ..Problem::of_key(finding.kind, finding.key(tree), what)
    }
}
