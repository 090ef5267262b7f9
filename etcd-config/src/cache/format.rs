//! What a cache file looks like: a line that names it, a line with its checksum, and one JSON
//! document, so that a person can read it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use etcd_client_core::{Entry, Listing};
use serde::{Deserialize, Serialize};

const NAME: &str = "etcd-config cache 1";

/// A cache file's contents.
#[derive(Debug, PartialEq)]
pub(crate) struct Contents {
    pub(crate) prefix: String,
    pub(crate) listing: Listing,
    pub(crate) saved_at: SystemTime,
}

#[derive(Serialize, Deserialize)]
struct Document<'d> {
    prefix: String,
    revision: u64,
    cluster: u64,
    /// Seconds since 1970.
    saved_at: u64,
    /// Key, value, and the revision of the last write.
    #[serde(borrow)]
    keys: Vec<(Text<'d>, Text<'d>, u64)>,
}

/// A string, borrowed where it holds no escapes.
#[derive(Serialize, Deserialize)]
struct Text<'d>(#[serde(borrow)] std::borrow::Cow<'d, str>);

/// Keys and values that are no text are left out: no field can read them.
pub(crate) fn print(prefix: &str, listing: &Listing, now: SystemTime) -> Vec<u8> {
    let text = |bytes| std::str::from_utf8(bytes).ok().map(|text: &str| Text(text.into()));
    let keys = listing
        .entries
        .iter()
        .filter_map(|entry| Some((text(&entry.key)?, text(&entry.value)?, entry.revision)))
        .collect();
    let document = Document {
        prefix: prefix.to_owned(),
        revision: listing.revision,
        cluster: listing.cluster,
        saved_at: now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        keys,
    };
    // Text and numbers only, in memory: there is nothing that could fail.
    let document = serde_json::to_string(&document).unwrap_or_default();
    format!("{NAME}\n{:016x}\n{document}\n", checksum(document.as_bytes())).into_bytes()
}

/// Reads what [`print`] has written, and nothing else.
pub(crate) fn parse(bytes: &[u8]) -> Result<Contents, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is damaged: it is not text".to_owned())?;
    let mut lines = text.splitn(3, '\n');
    if lines.next() != Some(NAME) {
        return Err("is no cache file of this version".to_owned());
    }
    let (sum, document) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let Some(document) = document.strip_suffix('\n') else { return Err("is cut off".to_owned()) };
    if sum != format!("{:016x}", checksum(document.as_bytes())) {
        return Err("is damaged: its checksum is wrong".to_owned());
    }
    let Document { prefix, revision, cluster, saved_at, keys } =
        serde_json::from_str(document).map_err(|error| format!("is damaged: {error}"))?;
    let mut entries: Vec<Entry> = keys
        .into_iter()
        .map(|(key, value, revision)| Entry {
            key: key.0.into_owned().into(),
            value: value.0.into_owned().into(),
            revision,
        })
        .collect();
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    let saved_at = UNIX_EPOCH.checked_add(Duration::from_secs(saved_at)).unwrap_or(UNIX_EPOCH);
    Ok(Contents { prefix, listing: Listing { revision, cluster, entries }, saved_at })
}

/// FNV-1a: against accidents, not against people.
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> Listing {
        let entry = |key: &str, value: &str| Entry {
            key: key.to_owned().into(),
            value: value.to_owned().into(),
            revision: 7,
        };
        let entries = vec![entry("/app/a\n\"b", "ä\u{0}\\"), entry("/app/c", "")];
        Listing { revision: 9, cluster: u64::MAX, entries }
    }

    fn printed() -> Vec<u8> {
        print("/app", &listing(), UNIX_EPOCH + Duration::from_secs(1_234))
    }

    #[test]
    fn reads_what_it_has_written() {
        let contents = parse(&printed()).unwrap();
        let saved_at = UNIX_EPOCH + Duration::from_secs(1_234);
        assert_eq!(contents, Contents { prefix: "/app".to_owned(), listing: listing(), saved_at });
    }

    #[test]
    fn leaves_out_what_is_no_text() {
        let mut listing = listing();
        listing.entries[0].value = vec![0xff].into();
        assert_eq!(parse(&print("/app", &listing, UNIX_EPOCH)).unwrap().listing.entries.len(), 1);
    }

    #[test]
    fn refuses_every_file_that_is_cut_or_has_one_byte_changed() {
        let whole = printed();
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).is_err(), "cut at {length}");
        }
        for place in 0..whole.len() {
            for change in [1, 0x20, 0x80] {
                let mut changed = whole.clone();
                changed[place] ^= change;
                assert!(parse(&changed).is_err(), "{change} at {place}");
            }
        }
    }
}
