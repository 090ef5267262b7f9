//! The options of the v3 calls.

use crate::blocking::options::options;
use crate::blocking::runtime::Pending;
use crate::v3;

options! {
    v3::Get {
        prefix();
        range(end: impl Into<Vec<u8>>);
        limit(keys: u64);
        revision(revision: u64);
        min_mod_revision(revision: u64);
        keys_only();
        count_only();
        serializable();
    }
    v3::Put {
        lease(id: v3::LeaseId);
        prev_kv();
    }
    v3::Delete {
        prefix();
        range(end: impl Into<Vec<u8>>);
        prev_kv();
    }
    v3::Compact {
        physical();
    }
    v3::LeaseGrant {
        id(id: v3::LeaseId);
    }
    v3::LeaseTimeToLive {
        keys();
    }
    v3::Txn {
        when(compare: v3::Compare);
        then(operation: impl Into<v3::Operation>);
        or_else(operation: impl Into<v3::Operation>);
    }
    v3::Watch {
        prefix();
        range(end: impl Into<Vec<u8>>);
        start_revision(revision: u64);
        prev_kv();
        no_puts();
        no_deletes();
        progress_notify();
    }
}

/// A blocking call as an operation of a transaction.
impl<C: Into<v3::Operation>> From<Pending<C>> for v3::Operation {
    fn from(pending: Pending<C>) -> Self {
        pending.into_parts().0.into()
    }
}
