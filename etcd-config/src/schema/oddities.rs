//! What is odd about the keys but no error, from one change to the next.

use std::collections::{BTreeMap, BTreeSet};

use super::Schema;
use super::unknown::{DESCRIBED, find, one, summary};
use crate::problem::Problem;
use crate::tree::{KeyTree, Touched};

/// The keys that no field reads, and those that are read and should not be used any more, as long as
/// they are there.
#[derive(Debug, Default)]
pub(crate) struct Oddities {
    /// By their whole keys.
    described: BTreeMap<String, Problem>,
    /// Those that are only counted, as nobody would read on.
    counted: BTreeSet<String>,
}

impl Oddities {
    /// Looks at the touched keys again, or at all. What is new, for the log.
    pub(crate) fn look(
        &mut self,
        schema: &Schema,
        tree: &KeyTree,
        touched: Option<&Touched>,
    ) -> Vec<Problem> {
        for key in touched.iter().flat_map(|touched| touched.keys()) {
            self.described.remove(key.as_ref());
            self.counted.remove(key.as_ref());
        }
        let before = self.counted.len();
        let mut news = self.find(schema, tree, touched);
        if self.described.len() < DESCRIBED && !self.counted.is_empty() {
            news.extend(self.find(schema, tree, None));
        }
        news.extend(summary(tree, self.counted.len().saturating_sub(before)));
        news
    }

    /// Adds what is found; those that are described from now on.
    fn find(&mut self, schema: &Schema, tree: &KeyTree, touched: Option<&Touched>) -> Vec<Problem> {
        let mut news = Vec::new();
        for finding in find(schema, tree, touched) {
            let key = tree.prefix().join(&finding.path);
            if self.described.contains_key(&key) {
                continue;
            }
            if self.described.len() < DESCRIBED {
                self.counted.remove(&key);
                let problem = one(schema, tree, &finding);
                news.push(problem.clone());
                self.described.insert(key, problem);
            } else {
                self.counted.insert(key);
            }
        }
        news
    }

    /// All of them.
    pub(crate) fn warnings(&self, tree: &KeyTree) -> Vec<Problem> {
        self.described.values().cloned().chain(summary(tree, self.counted.len())).collect()
    }
}

/// Everything about the keys in `tree` that is worth a warning; among the touched ones, where given.
pub fn warnings(schema: &Schema, tree: &KeyTree, touched: Option<&Touched>) -> Vec<Problem> {
    let mut oddities = Oddities::default();
    oddities.look(schema, tree, touched);
    oddities.warnings(tree)
}
