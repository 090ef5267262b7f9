//! Creating and removing directories.

use std::time::Duration;

use crate::Error;
use crate::v2::calls::call::{Call, Operation, read_answer};
use crate::v2::calls::ttl::Ttl;
use crate::v2::net::reply::Reply;
use crate::v2::wire::encoding::key_path;
use crate::v2::wire::request::{Request, Resend};
use crate::v2::wire::response::Response;

/// The operation of [`Client::mkdir`](crate::v2::Client::mkdir): creates a directory.
#[derive(Clone, Debug)]
pub struct Mkdir {
    key: String,
    ttl: Option<Ttl>,
    exist: Option<bool>,
}

/// The operation of [`Client::rmdir`](crate::v2::Client::rmdir): removes a directory.
#[derive(Clone, Debug)]
pub struct Rmdir {
    key: String,
    recursive: bool,
}

impl Mkdir {
    pub(in crate::v2) fn new(key: String) -> Self {
        Self { key, ttl: None, exist: Some(false) }
    }
}

impl Rmdir {
    pub(in crate::v2) fn new(key: String) -> Self {
        Self { key, recursive: false }
    }
}

impl Call<Mkdir> {
    /// The time to live, in whole seconds and at least one; then the server deletes the directory with everything
    /// in it.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.operation.ttl = Some(Ttl::For(ttl));
        self
    }

    /// If there is a key of this name, replaces it; its value is lost.
    pub fn replace_key(mut self) -> Self {
        self.operation.exist = None;
        self
    }

    /// Gives an existing directory another time to live. Servers of the 3.5 line cannot do that: they answer with
    /// code 300.
    pub fn update(mut self) -> Self {
        self.operation.exist = Some(true);
        self
    }
}

impl Call<Rmdir> {
    /// Also removes a directory that is not empty, with everything in it.
    pub fn recursive(mut self, recursive: bool) -> Self {
        self.operation.recursive = recursive;
        self
    }
}

impl Operation for Mkdir {
    type Output = Response;

    fn request(&self) -> Result<Request, Error> {
        let mut flags = vec![("dir", true.to_string())];
        flags.extend(self.exist.map(|exist| ("prevExist", exist.to_string())));
        let ttl = self.ttl.map(|ttl| ttl.field(&self.key)).transpose()?;
        let resend = if self.exist == Some(true) { Resend::Harmlessly } else { Resend::Never };
        Request::put(key_path(&self.key, false)?, &flags, ttl.as_slice(), resend)
    }

    fn read(reply: &Reply) -> Result<Response, Error> {
        read_answer(reply)
    }
}

impl Operation for Rmdir {
    type Output = Response;

    fn request(&self) -> Result<Request, Error> {
        let mut flags = vec![("dir", true.to_string())];
        if self.recursive {
            flags.push(("recursive", true.to_string()));
        }
        Request::delete(key_path(&self.key, self.recursive)?, &flags, Resend::Harmlessly)
    }

    fn read(reply: &Reply) -> Result<Response, Error> {
        read_answer(reply)
    }
}
