//! The options of the v2 calls.

use std::time::Duration;

use crate::blocking::options::options;
use crate::blocking::runtime::Pending;
use crate::v2::{self, Call};

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
