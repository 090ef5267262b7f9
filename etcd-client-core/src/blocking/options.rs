//! The options of the calls, passed on to them.

use std::time::Duration;

use super::runtime::Pending;
use crate::v2::{self, Call};
use crate::v3;

macro_rules! options {
    ($($call:ty { $($option:ident($($name:ident: $type:ty),*);)* })*) => {
        $(impl Pending<$call> {
            $(
                #[doc = concat!("The option `", stringify!($option), "` of the async call.")]
                pub fn $option(self, $($name: $type),*) -> Self {
                    self.map(|call| call.$option($($name),*))
                }
            )*
        })*
    };
}

options! {
    Call<v2::Get> {
        recursive(recursive: bool);
        sorted(sorted: bool);
        quorum(quorum: bool);
    }
    Call<v2::Set> {
        ttl(ttl: Duration);
        without_ttl();
        prev_value(value: impl Into<String>);
        prev_index(index: u64);
        prev_exist(exist: bool);
        no_value_on_success();
    }
    Call<v2::CreateInOrder> {
        ttl(ttl: Duration);
    }
    Call<v2::Delete> {
        recursive(recursive: bool);
        prev_value(value: impl Into<String>);
        prev_index(index: u64);
    }
    Call<v2::Mkdir> {
        ttl(ttl: Duration);
        replace_key();
        update();
    }
    Call<v2::Rmdir> {
        recursive(recursive: bool);
    }
    Call<v2::Raw> {
        query(name: impl Into<String>, value: impl Into<String>);
        form(name: impl Into<String>, value: impl Into<String>);
        body(content_type: impl Into<String>, body: impl Into<String>);
    }
    v2::Watch {
        recursive(recursive: bool);
        index(index: u64);
        max_retries(retries: u32);
    }
    v2::WatcherBuilder {
        recursive(recursive: bool);
        index(index: u64);
    }
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

impl<O: v2::Operation> Pending<Call<O>> {
    /// In how many further rounds all endpoints are tried, for this call only.
    pub fn max_retries(self, retries: u32) -> Self {
        self.map(|call| call.max_retries(retries))
    }

    /// A handle that cancels the call from another thread.
    pub fn abort_handle(&self) -> v2::AbortHandle {
        self.call().abort_handle()
    }
}

impl Pending<v2::Watch> {
    /// A handle that ends the watch from another thread.
    pub fn abort_handle(&self) -> v2::AbortHandle {
        self.call().abort_handle()
    }
}

/// A blocking call as an operation of a transaction.
impl<C: Into<v3::Operation>> From<Pending<C>> for v3::Operation {
    fn from(pending: Pending<C>) -> Self {
        pending.into_parts().0.into()
    }
}
