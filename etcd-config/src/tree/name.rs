//! The name of a key in its directory.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;

/// Names of up to so many bytes are kept in place.
const SHORT: usize = 22;

/// A name, without memory of its own where it is short, as most are: a large map has one for each entry.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Name(Kept);

#[derive(Clone, PartialEq, Eq)]
enum Kept {
    /// So many of the bytes; the others are 0.
    Short(u8, [u8; SHORT]),
    Long(Box<str>),
}

impl Name {
    /// The bytes, which have the same order as the text.
    pub(super) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Kept::Short(length, bytes) => bytes.get(..usize::from(*length)).unwrap_or(bytes),
            Kept::Long(name) => name.as_bytes(),
        }
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(name.as_bytes());
                Self(Kept::Short(length, bytes))
            }
            _ => Self(Kept::Long(name.into())),
        }
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        self
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            // They were copied from text, so they are.
            Kept::Short(..) => std::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Kept::Long(name) => name,
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_names_are_what_they_were_made_of_in_the_order_of_texts() {
        let mut texts: Vec<String> =
            (0..60).map(|length| "nö-é/ß".chars().cycle().take(length).collect()).collect();
        texts.extend(["a", "a\0", "ab", "b", "\0"].map(str::to_owned));
        texts.sort();
        let names: Vec<Name> = texts.iter().map(|text| Name::from(text.as_str())).collect();
        assert!(names.is_sorted_by_key(Name::as_bytes));
        for (name, text) in names.iter().zip(&texts) {
            assert_eq!(&**name, text);
            assert_eq!(*name == names[0], text == &texts[0]);
        }
        assert_eq!(size_of::<Name>(), 24);
    }
}
