//! What is odd about the keys but no error, from one change to the next.

use std::collections::{BTreeMap, BTreeSet};

use crate::lint::findings::{DESCRIBED, described, find, summary};
use crate::problem::{Kind, Problem};
use crate::schema::Schema;
use crate::tree::{KeyTree, Touched};

/// The most keys that the log names in the life of a configuration: keys that come and go under new
/// names would fill it.
const LOGGED: usize = 1_000;

/// What is said of the keys that are only counted.
const COUNTED: &str = "further odd keys, which are not described one by one";

/// The keys that something is odd about, as long as they are there.
#[derive(Debug, Default)]
pub(crate) struct KeyWarnings {
    /// By their whole keys, as if there were only the lowest layer.
    described: BTreeMap<String, Problem>,
    /// Those that are only counted, as nobody would read on.
    counted: BTreeSet<String>,
    /// The keys that the log has named: once is enough, however often they are written.
    logged: BTreeSet<String>,
    /// How many there were when the log last heard how many are only counted.
    logged_count: usize,
}

impl KeyWarnings {
    /// Whether there is nothing odd.
    pub(crate) fn is_empty(&self) -> bool {
        self.described.is_empty() && self.counted.is_empty()
    }

    /// Looks at the touched keys again, or at all. What the log has not heard of yet.
    pub(crate) fn look(
        &mut self,
        schema: &Schema,
        tree: &KeyTree,
        touched: Option<&Touched>,
    ) -> Vec<Problem> {
        if let Some(touched) = touched.filter(|_| !self.described.is_empty()) {
            touched.visit_keys(tree.prefix(), |key| {
                self.described.remove(key);
                self.counted.remove(key);
            });
        }
        let mut news = self.find(schema, tree, touched);
        let room = DESCRIBED - self.described.len();
        // Only these are looked at: whoever lets one key come and go among many is not to cost a walk over all.
        let moved_up: Vec<String> = std::iter::from_fn(|| self.counted.pop_first()).take(room).collect();
        if !moved_up.is_empty() {
            news.extend(self.find(schema, tree, Some(&Touched::of(tree.prefix(), &moved_up))));
        }
        let was_full = self.logged.len() == LOGGED;
        news.retain(|problem| self.logged.len() < LOGGED && self.logged.insert(problem.key.clone()));
        if self.logged.len() == LOGGED && !was_full {
            let what = format!("{LOGGED} odd keys have been named; further ones are only in `Live::status`");
            news.push(Problem::of_key(Kind::Unknown, tree.prefix().path(), what));
        }
        news.extend(self.grown(tree));
        news
    }

    /// How many are only counted, where that is twice as many as the log has heard of.
    fn grown(&mut self, tree: &KeyTree) -> Option<Problem> {
        let count = self.counted.len();
        if count < (2 * self.logged_count).max(1) {
            return None;
        }
        self.logged_count = count;
        summary(tree, count, COUNTED)
    }

    /// Adds what is found; those that are described from now on.
    fn find(&mut self, schema: &Schema, tree: &KeyTree, touched: Option<&Touched>) -> Vec<Problem> {
        let mut news = Vec::new();
        for finding in find(schema, tree, touched) {
            let key = finding.key(tree);
            if self.described.contains_key(&key) {
                continue;
            }
            if self.described.len() < DESCRIBED {
                self.counted.remove(&key);
                let problem = described(schema, tree, &finding);
                news.push(problem.clone().in_layer(tree));
                self.described.insert(key, problem);
            } else {
                self.counted.insert(key);
            }
        }
        news
    }

    /// All of them.
    pub(crate) fn warnings(&self, tree: &KeyTree) -> Vec<Problem> {
        let described = self.described.values().map(|problem| problem.clone().in_layer(tree));
        described.chain(summary(tree, self.counted.len(), COUNTED)).collect()
    }
}

/// Everything about the keys in `tree` that is worth a warning; among the touched ones, where given.
pub fn warnings(schema: &Schema, tree: &KeyTree, touched: Option<&Touched>) -> Vec<Problem> {
    let mut key_warnings = KeyWarnings::default();
    key_warnings.look(schema, tree, touched);
    key_warnings.warnings(tree)
}
