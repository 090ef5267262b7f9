//! Deleting keys.

use crate::Error;
use crate::v2::calls::call::{Call, Operation, read_answer};
use crate::v2::calls::condition::Condition;
use crate::v2::net::reply::Reply;
use crate::v2::wire::encoding::key_path;
use crate::v2::wire::request::{Request, Resend};
use crate::v2::wire::response::Response;

/// The operation of [`Client::delete`](crate::v2::Client::delete) and of its comparing variants: deletes a key.
#[derive(Clone, Debug)]
pub struct Delete {
    key: String,
    recursive: bool,
    condition: Condition,
}

impl Delete {
    pub(in crate::v2) fn new(key: String) -> Self {
        Self { key, recursive: false, condition: Condition::default() }
    }

    pub(in crate::v2) fn if_value(mut self, expected: String) -> Self {
        self.condition.value = Some(expected);
        self
    }

    pub(in crate::v2) fn if_index(mut self, expected: u64) -> Self {
        self.condition.index = Some(expected);
        self
    }
}

impl Call<Delete> {
    /// Also deletes a directory, with everything in it.
    pub fn recursive(mut self, recursive: bool) -> Self {
        self.operation.recursive = recursive;
        self
    }

    /// Deletes only if this is the value of the key. It must not be empty, because etcd cannot compare with that.
    pub fn prev_value(mut self, value: impl Into<String>) -> Self {
        self.operation.condition.value = Some(value.into());
        self
    }

    /// Deletes only if the key was last changed at this index.
    pub fn prev_index(mut self, index: u64) -> Self {
        self.operation.condition.index = Some(index);
        self
    }
}

impl Operation for Delete {
    type Output = Response;

    fn request(&self) -> Result<Request, Error> {
        let mut flags = self.condition.flags(&self.key)?;
        if self.recursive {
            flags.push(("recursive", true.to_string()));
        }
        let resend = if self.condition.is_empty() { Resend::Harmlessly } else { Resend::Never };
        Request::delete(key_path(&self.key, self.recursive)?, &flags, resend)
    }

    fn read(reply: &Reply) -> Result<Response, Error> {
        read_answer(reply)
    }
}
