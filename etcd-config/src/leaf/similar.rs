//! How much two names look alike.

/// The longest name that is looked at, in bytes: longer ones nobody has written by hand.
const LONGEST: usize = 256;

/// How far `written` is from `meant`, if it may be a slip of the pen: letters left out, doubled,
/// replaced or swapped. Case, hyphens, underscores and dots together count once, and less than any letter.
pub(crate) fn distance(written: &str, meant: &str) -> Option<usize> {
    if written == meant {
        return Some(0);
    }
    if written.len().max(meant.len()) > LONGEST {
        return None;
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
    Some(edits(&left, &right)).filter(|edits| *edits <= allowed).map(|edits| edits + 1)
}

/// Whether two names, or paths, are the same apart from case and from what separates the words.
pub(crate) fn is_same_word(written: &str, meant: &str) -> bool {
    let letters =
        |name: &str| -> String { plain(name).into_iter().filter(|letter| *letter != '/').collect() };
    written.len().max(meant.len()) <= LONGEST
        && !letters(meant).is_empty()
        && letters(written) == letters(meant)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_separators_are_nearer_than_any_letter() {
        assert_eq!(distance("lifo", "lifo"), Some(0));
        assert_eq!(distance("lifo", "Lifo"), Some(1));
        assert_eq!(distance("lifo", "Fifo"), Some(2));
        assert_eq!(distance("pool-size", "poolSize"), Some(1));
        assert_eq!(distance("evn", "env"), Some(2));
        assert_eq!(distance("lifo", "other"), None);
    }

    #[test]
    fn long_names_are_left_alone() {
        let long = "a".repeat(LONGEST);
        assert_eq!(distance(&long, &long.to_uppercase()), Some(1));
        assert_eq!(distance(&format!("{long}a"), &long), None);
        assert_eq!(distance(&long, &format!("{long}a")), None);
    }
}
