//! What the fuzz targets call.

use std::collections::HashSet;

use prost::Message;

use crate::store::{Change, Signal};
use crate::v3::store::events::Events;
use crate::v3::store::listing;
use crate::v3::wire::key_range::KeyRange;
use crate::v3::wire::messages::{RangeResponse, WatchResponse};

/// A frame of a watch, from whatever bytes.
pub fn watch(message: &[u8], exact: bool) {
    let Ok(frame) = WatchResponse::decode(message) else { return };
    let mut events = Events::new(KeyRange::prefix(""), 1, exact);
    let _ = (events.read(frame.clone()), events.read(frame));
    while let Some(signal) = events.next() {
        let Signal::Batch(batch) = signal else { continue };
        assert!(batch.revision > 1 && !batch.changes.is_empty(), "{batch:?}");
        let key = |change: &Change| match change {
            Change::Put(entry) => entry.key.clone(),
            Change::Delete(key) | Change::DeleteBelow(key) => key.clone(),
        };
        let keys: HashSet<_> = batch.changes.iter().map(key).collect();
        assert_eq!(keys.len(), batch.changes.len(), "a key twice: {batch:?}");
    }
}

/// A page of a listing, from whatever bytes.
pub fn page(message: &[u8]) {
    if let Ok(page) = RangeResponse::decode(message) {
        listing::fuzz(page);
    }
}
