//! What lies in a directory, without its values.

use std::sync::Arc;

use bytes::Bytes;

use crate::v3::net::pool::Pool;
use crate::v3::wire::key_range::KeyRange;
use crate::v3::wire::messages::RangeRequest;
use crate::{Error, Prefix};

/// Keys in an answer, and the most answers: what lies deeper is jumped over with each.
const PAGE: i64 = 64;
const PAGES: usize = 8;

/// The first names in a directory.
pub(in crate::v3) async fn names(
    pool: &Arc<Pool>,
    directory: &Prefix,
    limit: usize,
) -> Result<Vec<String>, Error> {
    let KeyRange { mut start, end } =
        KeyRange::prefix(Bytes::copy_from_slice(directory.directory().as_bytes()));
    let mut names: Vec<Bytes> = Vec::new();
    for _ in 0..PAGES {
        let page = RangeRequest {
            key: start,
            range_end: end.clone(),
            limit: PAGE,
            keys_only: true,
            ..RangeRequest::default()
        };
        let answer = pool.call_once(page).await?;
        let found = answer.kvs.iter().filter_map(|kv| directory.name_of(&kv.key));
        names.extend(found.map(Bytes::copy_from_slice));
        names.dedup();
        let next = names.last().map(|name| after(directory, name));
        match next {
            Some(next) if answer.more && names.len() < limit => start = next,
            _ => break,
        }
    }
    names.truncate(limit);
    Ok(names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// The first key after a name and all that lies in it.
fn after(directory: &Prefix, name: &[u8]) -> Bytes {
    let key = Bytes::from([directory.directory().as_bytes(), name].concat());
    if name.ends_with(b"/") { KeyRange::prefix(key).end } else { [&key[..], b"\0"].concat().into() }
}
