//! What the fuzz targets call.

use std::collections::HashSet;

use prost::Message;

use super::listing;
use super::messages::{RangeResponse, WatchResponse};
use super::span::Span;
use super::store::Events;
use crate::store::{Change, Signal};

/// A frame of a watch, from whatever bytes.
pub fn watch(message: &[u8], exact: bool) {
    let Ok(frame) = WatchResponse::decode(message) else { return };
    let mut events = Events::new(Span::prefix(""), 1, exact);
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
