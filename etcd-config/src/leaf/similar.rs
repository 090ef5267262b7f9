//! How much two names look alike.

/// How far `written` is from `meant`, if it may be a slip of the pen: letters left out, doubled,
/// replaced or swapped. Case, hyphens and underscores count once for all.
pub(crate) fn distance(written: &str, meant: &str) -> Option<usize> {
    if written == meant {
        return Some(0);
    }
    let (left, right) = (plain(written), plain(meant));
    if left == right {
        return Some(1);
    }
    let longer = left.len().max(right.len());
    let allowed = (longer / 3).clamp(1, 3);
    if longer <= 2 || longer - left.len().min(right.len()) > allowed {
        return None;
    }
    Some(edits(&left, &right)).filter(|edits| *edits <= allowed)
}

fn plain(name: &str) -> Vec<char> {
    name.chars().filter(|character| !"-_.".contains(*character)).flat_map(char::to_lowercase).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours that make one from the other.
fn edits(left: &[char], right: &[char]) -> usize {
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
