//! A guarded write of one key, by its index.

use crate::store::{Committed, GuardedWrites, Write};
use crate::v2::client::Client;
use crate::{Error, Kind};

/// Writes one key if it is as it was read. The API has no condition for other keys, so it is never proven that they are.
pub(super) async fn commit(client: &Client, guarded: GuardedWrites) -> Result<Committed, Error> {
    let [Write { key, value, read_at }] = &guarded.writes[..] else {
        let message = format!("{} writes, and the v2 API takes one key at a time", guarded.writes.len());
        return Err(Error::new(Kind::InvalidRequest, message));
    };
    let text = |bytes: &bytes::Bytes| String::from_utf8(bytes.to_vec());
    let key = text(key).map_err(|_| Error::invalid_input("a key of the v2 API is UTF-8"))?;
    let written = match (value, read_at) {
        (Some(value), read_at) => {
            let value = text(value)
                .map_err(|_| Error::invalid_input(format!("{key}: a value of the v2 API is UTF-8")))?;
            let set = client.set(key, value);
            match *read_at {
                Some(index) => set.prev_index(index).await,
                None => set.prev_exist(false).await,
            }
        }
        (None, Some(index)) => client.delete(key).prev_index(*index).await,
        // Deleting what was not there is to leave it so.
        (None, None) => return Ok(Committed::At { revision: guarded.known.revision, proven: false }),
    };
    match written {
        Ok(response) => {
            let revision = response.node().map_or(guarded.known.revision, |node| node.modified_index);
            Ok(Committed::At { revision, proven: false })
        }
        Err(error) if matches!(error.kind(), Kind::Conflict | Kind::NotFound) => Ok(Committed::Conflict),
        Err(error) => Err(error),
    }
}
