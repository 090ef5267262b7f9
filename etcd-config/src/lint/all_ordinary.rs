//! Changes that nothing can be odd about, as nearly all are: found without a walk over what is expected.

use etcd_client_core::{Batch, Change, Prefix};

use crate::leaf::oddity;
use crate::schema::Schema;
use crate::tree::directories::is_layered;

/// Whether all keys that a batch changes are [ordinary](crate::schema::ordinary::Ordinary), and so are their texts: then
/// each makes a difference to the configuration, and none is worth a warning.
pub(crate) fn are_all_ordinary(batch: &Batch, schema: &Schema, prefix: &Prefix) -> bool {
    // What a layer shows may have another name than what was written.
    !is_layered(prefix)
        && batch.changes.iter().all(|change| match change {
            Change::Put(entry) => is_ordinary(&entry.key, Some(&entry.value), schema, prefix),
            Change::Delete(key) => is_ordinary(key, None, schema, prefix),
            Change::DeleteBelow(_) => false,
        })
}

fn is_ordinary(key: &[u8], value: Option<&[u8]>, schema: &Schema, prefix: &Prefix) -> bool {
    let path = prefix.relative(key).and_then(|path| std::str::from_utf8(path).ok());
    path.and_then(|path| schema.ordinary(path)).is_some_and(|ordinary| {
        let text = value.filter(|_| ordinary.is_string).and_then(|value| std::str::from_utf8(value).ok());
        text.and_then(oddity).is_none()
    })
}
