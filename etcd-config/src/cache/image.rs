//! What a cache file holds, as bytes.
//!
//! ```text
//! etcd-config cache 1\n        what it is, and the version of this format
//! length    u64                of the rest after the checksum; all numbers are little-endian
//! checksum  u64                FNV-1a of the rest
//! prefix    text               texts are a u64 with their length, and their bytes; of layers all prefixes, with a NUL
//!                              between them
//! written   u64                milliseconds since 1970
//! cluster   u64
//! revision  u64
//! withheld  u64, then texts    keys that were there and are not here, because they hold secrets
//! entries   u64, then each     key: text, revision: u64, value: text
//! ```

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use etcd_client_core::{Entry, Listing, Prefix};

use super::file::{LIMIT, MAGIC};
use crate::tree::directories::directories;

/// The state of a prefix, as it is cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// The directory, with the slash at its end; of layers the directories of all, with a NUL between them.
    pub(crate) prefix: String,
    pub(crate) written_at: SystemTime,
    /// Keys whose values were left out.
    pub(crate) withheld: Vec<Bytes>,
    pub(crate) listing: Listing,
}

impl Image {
    /// What the file says of a prefix.
    pub(crate) fn prefix_of(prefix: &Prefix) -> String {
        directories(prefix).collect::<Vec<_>>().join("\0")
    }

    /// The prefix for a person, or those of the layers.
    pub(crate) fn shown_prefix(&self) -> String {
        let paths: Vec<String> = self.prefix.split('\0').map(|one| Prefix::new(one).to_string()).collect();
        paths.join(", ")
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, String> {
        let Self { prefix, written_at, withheld, listing } = self;
        let mut body = Writer(Vec::new());
        body.text(prefix.as_bytes());
        let written = written_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        body.number(u64::try_from(written.as_millis()).unwrap_or(u64::MAX));
        body.number(listing.cluster);
        body.number(listing.revision);
        body.length(withheld.len());
        for key in withheld {
            body.text(key);
        }
        body.length(listing.entries.len());
        for Entry { key, value, revision } in &listing.entries {
            body.text(key);
            body.number(*revision);
            body.text(value);
        }
        let Writer(body) = body;
        let mut whole = Writer(Vec::with_capacity(MAGIC.len() + 16 + body.len()));
        whole.0.extend_from_slice(MAGIC);
        whole.length(body.len());
        whole.number(checksum(&body));
        whole.0.extend_from_slice(&body);
        let Writer(whole) = whole;
        if whole.len() as u64 > LIMIT {
            return Err(format!("{} bytes are more than a cache file holds, which is {LIMIT}", whole.len()));
        }
        Ok(whole)
    }

    /// Any body, with the right head before it.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn sealed(body: &[u8]) -> Vec<u8> {
        let mut whole = Writer(MAGIC.to_vec());
        whole.length(body.len());
        whole.number(checksum(body));
        whole.0.extend_from_slice(body);
        whole.0
    }

    /// The time in the head of such a file.
    pub(crate) fn written_at(head: &[u8]) -> Option<SystemTime> {
        let mut head = Cursor(head.strip_prefix(MAGIC)?);
        let (_length, _checksum) = (head.number().ok()?, head.number().ok()?);
        head.text().ok()?;
        head.time().ok()
    }

    /// Reads what [`encode`](Self::encode) wrote, and nothing else.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            return Err("it is not a cache file of this version".to_owned());
        };
        let mut head = Cursor(rest);
        let (length, expected) = (head.number()?, head.number()?);
        let Cursor(body) = head;
        if body.len() as u64 != length {
            return Err(format!("it is damaged: {} bytes where {length} were written", body.len()));
        }
        if checksum(body) != expected {
            return Err("it is damaged: its checksum is wrong".to_owned());
        }
        let mut body = Cursor(body);
        let image = body.image()?;
        if !body.0.is_empty() {
            return Err("it is damaged: there is something after its end".to_owned());
        }
        image.check()?;
        Ok(image)
    }

    /// What the rest of the library may rely on.
    fn check(&self) -> Result<(), String> {
        let entries = &self.listing.entries;
        let is_below = |entry: &Entry| {
            self.prefix.split('\0').any(|directory| entry.key.starts_with(directory.as_bytes()))
        };
        if !entries.iter().all(is_below) {
            return Err(format!("it is damaged: it holds a key that is not below {:?}", self.prefix));
        }
        if !entries.windows(2).all(|pair| pair[0].key < pair[1].key) {
            return Err("it is damaged: its keys are not in order".to_owned());
        }
        Ok(())
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    fn text(&mut self, text: &[u8]) {
        self.length(text.len());
        self.0.extend_from_slice(text);
    }
}

/// What is left to read.
struct Cursor<'b>(&'b [u8]);

impl Cursor<'_> {
    fn image(&mut self) -> Result<Image, String> {
        let prefix = String::from_utf8(self.text()?.to_vec())
            .map_err(|_| "it is damaged: its prefix is not text".to_owned())?;
        let written_at = self.time()?;
        let (cluster, revision) = (self.number()?, self.number()?);
        // The counts are not trusted: nothing is reserved for them.
        let withheld = (0..self.number()?).map(|_| self.bytes()).collect::<Result<_, _>>()?;
        let mut entries = Vec::new();
        for _ in 0..self.number()? {
            let (key, revision, value) = (self.bytes()?, self.number()?, self.bytes()?);
            entries.push(Entry { key, value, revision });
        }
        Ok(Image { prefix, written_at, withheld, listing: Listing { revision, cluster, entries } })
    }

    fn time(&mut self) -> Result<SystemTime, String> {
        let time = UNIX_EPOCH.checked_add(Duration::from_millis(self.number()?));
        time.ok_or_else(|| "it is damaged: it was written at no time".to_owned())
    }

    fn number(&mut self) -> Result<u64, String> {
        let (number, rest) = self.0.split_first_chunk().ok_or_else(truncated)?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*number))
    }

    fn text(&mut self) -> Result<&[u8], String> {
        let length = usize::try_from(self.number()?).map_err(|_| truncated())?;
        let (text, rest) = self.0.split_at_checked(length).ok_or_else(truncated)?;
        self.0 = rest;
        Ok(text)
    }

    /// A copy: one value that stays must not keep the whole file in memory.
    fn bytes(&mut self) -> Result<Bytes, String> {
        self.text().map(Bytes::copy_from_slice)
    }
}

fn truncated() -> String {
    "it is damaged: it ends too early".to_owned()
}

/// FNV-1a with 64 bits: finds every changed byte, and is not meant to keep an enemy out.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Image {
        let entry = |key: &'static str, value: &'static [u8], revision| Entry {
            key: key.into(),
            value: value.into(),
            revision,
        };
        let entries = vec![entry("/app/a", b"", 7), entry("/app/b/c", b"\xff\0text", 9)];
        Image {
            prefix: "/app/".to_owned(),
            written_at: UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            withheld: vec!["/app/token".into()],
            listing: Listing { revision: 12, cluster: 77, entries },
        }
    }

    #[test]
    fn is_read_as_it_was_written() {
        let image = image();
        assert_eq!(Image::decode(&image.encode().unwrap()), Ok(image));
        let empty = Image { listing: Listing::default(), withheld: Vec::new(), ..self::image() };
        assert_eq!(Image::decode(&empty.encode().unwrap()), Ok(empty));
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_found() {
        let whole = image().encode().unwrap();
        for end in 0..whole.len() {
            assert!(Image::decode(&whole[..end]).is_err(), "cut at {end}");
        }
        for place in 0..whole.len() {
            for mask in [1, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[place] ^= mask;
                assert!(Image::decode(&changed).is_err(), "byte {place} changed by {mask:#x}");
            }
        }
        assert!(Image::decode(&[&whole[..], b"x"].concat()).is_err());
    }

    #[test]
    fn lengths_that_promise_too_much_reserve_nothing() {
        let mut body = Writer(Vec::new());
        body.number(u64::MAX);
        assert!(Image::decode(&Image::sealed(&body.0)).unwrap_err().contains("too early"));
        let mut body = Writer(Vec::new());
        body.text(b"/app/");
        (0..3).for_each(|_| body.number(u64::MAX));
        body.number(u64::MAX);
        assert!(Image::decode(&Image::sealed(&body.0)).is_err());
    }

    #[test]
    fn keys_that_cannot_be_there_are_refused() {
        let mut foreign = image();
        foreign.prefix = "/other/".to_owned();
        assert!(Image::decode(&foreign.encode().unwrap()).unwrap_err().contains("not below"));
        let mut disordered = image();
        disordered.listing.entries.swap(0, 1);
        assert!(Image::decode(&disordered.encode().unwrap()).unwrap_err().contains("order"));
    }
}
