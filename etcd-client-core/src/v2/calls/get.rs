//! Reading keys.

use crate::Error;
use crate::v2::calls::call::{Call, Operation, read_answer};
use crate::v2::net::reply::Reply;
use crate::v2::wire::encoding::key_path;
use crate::v2::wire::request::Request;
use crate::v2::wire::response::Response;

/// The operation of [`Client::get`](crate::v2::Client::get): reads a key, or lists a directory.
#[derive(Clone, Debug)]
pub struct Get {
    key: String,
    recursive: bool,
    sorted: bool,
    quorum: bool,
}

impl Get {
    pub(in crate::v2) fn new(key: String) -> Self {
        Self { key, recursive: false, sorted: false, quorum: false }
    }
}

impl Call<Get> {
    /// Lists the whole tree below a directory, not only its own entries.
    pub fn recursive(mut self, recursive: bool) -> Self {
        self.operation.recursive = recursive;
        self
    }

    /// Sorts directories in ascending order of the keys' bytes.
    pub fn sorted(mut self, sorted: bool) -> Self {
        self.operation.sorted = sorted;
        self
    }

    /// Makes the read linearizable: it goes through the leader, and is not answered by a lagging member.
    pub fn quorum(mut self, quorum: bool) -> Self {
        self.operation.quorum = quorum;
        self
    }
}

impl Operation for Get {
    type Output = Response;

    fn request(&self) -> Result<Request, Error> {
        let flags = [("recursive", self.recursive), ("sorted", self.sorted), ("quorum", self.quorum)];
        let flags: Vec<_> =
            flags.into_iter().filter(|(_, on)| *on).map(|(name, _)| (name, true.to_string())).collect();
        Request::get(key_path(&self.key, self.recursive)?, &flags)
    }

    fn read(reply: &Reply) -> Result<Response, Error> {
        read_answer(reply)
    }
}
