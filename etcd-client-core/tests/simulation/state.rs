//! What a prefix holds, in a form that is cheap to keep for each revision: of each key that is ever written, which of
//! the values that are ever written it has.

use std::fmt;
use std::sync::LazyLock;

/// The name of the last key that is drawn.
pub(crate) const LAST: char = 'p';
/// Two keys that only edits write, and always both.
pub(crate) const PAIR: [&str; 2] = ["/p/pair/left", "/p/pair/right"];
/// The same where edits write to both directories.
pub(crate) const PAIR_ACROSS: [&str; 2] = ["/p/pair/left", "/q/pair/right"];
const PAIRS: [&str; 3] = [PAIR[0], PAIR[1], PAIR_ACROSS[1]];
/// How long the long values are.
const LENGTH: usize = 400;
/// The numbers of edits are above those of other values.
const FIRST_EDIT: u32 = 10;
/// What nobody has written.
const UNKNOWN: u32 = u32::MAX;

/// All keys that are ever written, in the order of [`State`].
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let drawn = |directory| ('a'..=LAST).map(move |name| format!("{directory}/{name}"));
    let pair = PAIRS.into_iter().map(str::to_owned);
    ["/p", "/q"].into_iter().flat_map(drawn).chain(pair).collect()
});

static LONG: LazyLock<[String; 3]> = LazyLock::new(|| [0, 1, 2].map(|number| format!("{number:0>LENGTH$}")));

const COUNT: usize = 2 * (LAST as usize - 'a' as usize + 1) + PAIRS.len();

/// The value of each of [`names`]; 0 where there is none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct State([u32; COUNT]);

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(String::as_str)
}

/// A key in one of the two directories.
pub(crate) fn drawn(directory: char, name: char) -> &'static str {
    &NAMES[place(&[b'/', directory as u8, b'/', name as u8])]
}

/// One of the three values that are drawn.
pub(crate) fn value(number: u8, is_long: bool) -> String {
    if is_long { LONG[usize::from(number)].clone() } else { number.to_string() }
}

/// What an edit writes.
pub(crate) fn value_of_edit(number: u32) -> String {
    format!("e{number}")
}

impl State {
    pub(crate) fn empty() -> Self {
        Self([0; COUNT])
    }

    /// Sets what is known of a key; one that is never written is a failure.
    pub(crate) fn set(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.0[place(key)] = value.map_or(0, code);
    }

    /// The edits whose values are there.
    pub(crate) fn edits(&self) -> impl Iterator<Item = u32> {
        self.0.iter().filter(|code| **code >= FIRST_EDIT && **code != UNKNOWN).map(|code| code - FIRST_EDIT)
    }

    /// Whether each edit of these two keys is there as a whole, or not at all.
    pub(crate) fn is_whole(&self, pair: [&str; 2]) -> bool {
        let [left, right] = pair.map(|key| self.0[place(key.as_bytes())]);
        left == right
    }
}

fn place(key: &[u8]) -> usize {
    let drawn = usize::from(LAST as u8 - b'a') + 1;
    match key {
        [b'/', directory @ (b'p' | b'q'), b'/', name] if (b'a'..=LAST as u8).contains(name) => {
            usize::from(name - b'a') + if *directory == b'q' { drawn } else { 0 }
        }
        _ => {
            let place = PAIRS.iter().position(|pair| pair.as_bytes() == key);
            2 * drawn + place.unwrap_or_else(|| panic!("nobody writes {:?}", String::from_utf8_lossy(key)))
        }
    }
}

fn code(value: &[u8]) -> u32 {
    match value {
        [digit @ b'0'..=b'2'] => 1 + u32::from(digit - b'0'),
        b"f" => 4,
        [b'e', number @ ..] => {
            let number = std::str::from_utf8(number).ok().and_then(|number| number.parse::<u32>().ok());
            number.map_or(UNKNOWN, |number| FIRST_EDIT + number)
        }
        _ => {
            LONG.iter().zip(5..).find(|(long, _)| long.as_bytes() == value).map_or(UNKNOWN, |(_, code)| code)
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(names().zip(&self.0).filter(|(_, code)| **code != 0)).finish()
    }
}
