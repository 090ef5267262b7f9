//! The attribute that was probably meant.
//!
//! The library has a measure of its own for keys, in etcd-config's `leaf/similar.rs`: it depends on this crate and
//! this crate cannot depend on it.

/// The one of `names` that is closest to `written`, where one is close.
pub(crate) fn closest<'n>(written: &str, names: &[&'n str]) -> Option<&'n str> {
    let near = names.iter().map(|name| (distance(written, name), *name));
    let (distance, name) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= written.len().max(name.len()) / 3).then_some(name)
}

/// Insertions, deletions, replacements and swaps of neighbours that make one from the other.
fn distance(left: &str, right: &str) -> usize {
    let [left, right]: [Vec<char>; 2] = [left, right].map(|name| name.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, from) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in right.iter().enumerate() {
            let replaced = above[column] + usize::from(from != to);
            let mut least = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            let swapped = row > 0 && column > 0 && left[row - 1] == *to && right[column - 1] == *from;
            if swapped {
                least = least.min(before[column - 1] + 1);
            }
            current.push(least);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}
