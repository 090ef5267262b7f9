//! A share of a fleet that is the same each time: those whose names come first in the order of a fixed hash.

/// The names in the order in which a share takes them. An instance that comes or goes moves nobody else, so a share of the
/// same size stays mostly the same instances. The order is part of what is promised: it is the same in each version.
pub(super) fn in_order<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_by_key(|name| (hash(name), *name));
    names
}

/// How many of so many: rounded up, so that a share of anybody is at least one.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "between 0 and the count"
)]
pub(super) fn count_of(share: f64, all: usize) -> usize {
    // A tenth of ten is one, whatever binary fractions make of it.
    let exact = share * all as f64;
    ((exact - 1e-9).ceil() as usize).clamp(all.min(1), all)
}

/// FNV-1a of 64 bits, and the last step of `SplitMix64`, without which names that differ at their ends lie in groups.
fn hash(name: &str) -> u64 {
    let fnv = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: [&str; 10] =
        ["web-2", "web-3", "web-10", "web-8", "web-7", "web-9", "web-4", "web-6", "web-1", "web-5"];
    const EMPTY: u64 = 0xf52a_15e9_a9b5_e89b;

    #[test]
    fn the_order_never_changes() {
        let names: Vec<String> = (1..=10).map(|number| format!("web-{number}")).collect();
        let order = in_order(names.iter().map(String::as_str));
        assert_eq!(order, ORDER);
        // Whoever goes moves nobody else.
        let without = in_order(names.iter().map(String::as_str).filter(|name| *name != ORDER[3]));
        let expected: Vec<&str> = ORDER.into_iter().filter(|name| *name != ORDER[3]).collect();
        assert_eq!(without, expected);
        assert_eq!(hash(""), EMPTY);
    }

    #[test]
    fn a_share_of_anybody_is_somebody() {
        for (share, all, count) in [
            (0.1, 0, 0),
            (0.1, 1, 1),
            (0.1, 10, 1),
            (0.1, 11, 2),
            (0.3, 10, 3),
            (0.5, 3, 2),
            (1.0, 20, 20),
            (1e-12, 9, 1),
        ] {
            assert_eq!(count_of(share, all), count, "{share} of {all}");
        }
    }

    #[test]
    fn each_is_as_likely_to_be_first() {
        let mut first = [0; 20];
        for fleet in 0..2_000 {
            let names: Vec<String> = (0..20).map(|number| format!("s{fleet}-{number:02}")).collect();
            let chosen = in_order(names.iter().map(String::as_str))[0];
            first[chosen[chosen.len() - 2..].parse::<usize>().unwrap()] += 1;
        }
        assert!(first.iter().all(|count| (60..140).contains(count)), "{first:?}");
    }
}
