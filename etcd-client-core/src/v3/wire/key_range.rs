//! Which keys a request is about.

use bytes::Bytes;

/// The methods of a call for more than one key. It has a field `range`.
macro_rules! range_options {
    () => {
        /// All keys that begin with the key given; all keys of the store if it is empty.
        pub fn prefix(mut self) -> Self {
            self.range = self.range.into_prefix();
            self
        }

        /// All keys from the key given up to `end`, which is not among them.
        pub fn range(mut self, end: impl Into<Vec<u8>>) -> Self {
            self.range = self.range.into_range(end.into());
            self
        }

        /// All keys from the key given on.
        pub fn from_key(mut self) -> Self {
            self.range = self.range.into_from_key();
            self
        }
    };
}

pub(in crate::v3) use range_options;

/// Keys from `start` up to `end`; the key `start` alone if `end` is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::v3) struct KeyRange {
    pub(in crate::v3) start: Bytes,
    pub(in crate::v3) end: Bytes,
}

/// As `end`: no end.
const NO_END: &[u8] = b"\0";

impl KeyRange {
    pub(in crate::v3) fn key(key: impl Into<Bytes>) -> Self {
        Self { start: key.into(), end: Bytes::new() }
    }

    /// Every key that begins with `prefix`; all keys if it is empty.
    pub(in crate::v3) fn prefix(prefix: impl Into<Bytes>) -> Self {
        let start = prefix.into();
        let end = after_prefix(&start);
        // The empty key does not exist; the first one that can is a zero byte.
        let start = if start.is_empty() { Bytes::from_static(NO_END) } else { start };
        Self { start, end }
    }

    pub(in crate::v3) fn contains(&self, key: &[u8]) -> bool {
        match &self.end[..] {
            [] => *key == self.start,
            NO_END => key >= &self.start[..],
            end => key >= &self.start[..] && key < end,
        }
    }

    /// The keys that begin with what is now the start.
    pub(in crate::v3) fn into_prefix(self) -> Self {
        Self::prefix(self.start)
    }

    /// The keys from what is now the start up to `end`, which is not among them.
    pub(in crate::v3) fn into_range(self, end: impl Into<Bytes>) -> Self {
        let start = if self.start.is_empty() { Bytes::from_static(NO_END) } else { self.start };
        Self { start, end: end.into() }
    }

    /// The keys from what is now the start on.
    pub(in crate::v3) fn into_from_key(self) -> Self {
        self.into_range(NO_END)
    }
}

/// The first key after all that begin with `prefix`.
fn after_prefix(prefix: &[u8]) -> Bytes {
    let kept = prefix.iter().rposition(|byte| *byte != u8::MAX);
    let Some(last) = kept else { return Bytes::from_static(NO_END) };
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    end.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_the_next_one_begins() {
        for (prefix, start, end) in [
            (&b"/app/"[..], &b"/app/"[..], &b"/app0"[..]),
            (b"a\xff", b"a\xff", b"b"),
            (b"\xff\xff", b"\xff\xff", b"\0"),
            (b"", b"\0", b"\0"),
        ] {
            let range = KeyRange::prefix(Bytes::copy_from_slice(prefix));
            assert_eq!((&range.start[..], &range.end[..]), (start, end));
        }
        let app = KeyRange::prefix("/app/");
        assert!(["/app/", "/app/a", "/app/\u{7f}"].iter().all(|key| app.contains(key.as_bytes())));
        assert!(["", "/app", "/app0", "/b"].iter().all(|key| !app.contains(key.as_bytes())));
        assert!(
            KeyRange::prefix("").contains(b"a")
                && KeyRange::key("a").contains(b"a")
                && !KeyRange::key("a").contains(b"aa")
        );
        assert!(KeyRange::key("a").end.is_empty());
        assert_eq!(KeyRange::key("a").into_from_key().end, NO_END);
    }
}
