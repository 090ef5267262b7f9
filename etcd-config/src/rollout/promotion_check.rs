//! Whether what would be below the prefix after a promotion fits the struct of this program: other keys may have changed
//! since the change was decided.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use etcd_client_core::{Entry, Listing};

use super::view::{RolloutPlace, View};
use super::writes::{Promotion, Stop};
use crate::decode::{Derived, tree_of};
use crate::problem::{Kind as ProblemKind, Problem};
use crate::reading::decode_all;
use crate::runtime::panics;

/// Whether what would be below the prefix is refused by what is checked here, and is not so far.
pub(super) fn check<T: Derived>(
    view: &View,
    place: &RolloutPlace,
    promotion: &Promotion,
) -> Result<(), Stop> {
    let Listing { revision, cluster, .. } = *view.listing;
    let entries: Vec<Entry> = view.below(&place.base).cloned().collect();
    let before = Listing { revision, cluster, entries };
    let mut after: BTreeMap<Bytes, Entry> =
        before.entries.iter().map(|entry| (entry.key.clone(), entry.clone())).collect();
    for (key, value) in &promotion.texts {
        let key = Bytes::from(key.clone());
        after.insert(key.clone(), Entry { key, value: value.clone(), revision });
    }
    let after = Listing { revision, cluster, entries: after.into_values().collect() };
    let problems = problems::<T>(place, &after);
    if problems.is_empty() {
        return Ok(());
    }
    let old = problems_of_before::<T>(place, &before);
    match problems
        .iter()
        .find(|problem| !old.contains(&(problem.key().to_owned(), problem.what().to_owned())))
    {
        None => Ok(()),
        Some(new) => {
            Err(Stop::Refused(format!("with what is below {} now it is refused: {new}", place.base)))
        }
    }
}

fn problems_of_before<T: Derived>(place: &RolloutPlace, before: &Listing) -> BTreeSet<(String, String)> {
    let problems = problems::<T>(place, before);
    problems.iter().map(|problem| (problem.key().to_owned(), problem.what().to_owned())).collect()
}

/// What is missing below the prefix may be in the layers, and promoting takes nothing away.
fn problems<T: Derived>(place: &RolloutPlace, listing: &Listing) -> Vec<Problem> {
    match decode_all::<T>(&tree_of::<T>(&place.base, listing)) {
        Ok(decoded) => {
            panics::drop_caught(decoded);
            Vec::new()
        }
        Err(mut problems) => {
            problems.retain(|problem| problem.kind() != ProblemKind::Missing);
            problems
        }
    }
}
