//! Writing keys.

use std::fmt;
use std::time::Duration;

use crate::Error;
use crate::printable::Length;
use crate::v2::calls::call::{Call, Operation, read_answer};
use crate::v2::calls::condition::Condition;
use crate::v2::calls::ttl::Ttl;
use crate::v2::net::reply::Reply;
use crate::v2::wire::encoding::key_path;
use crate::v2::wire::request::{Request, Resend};
use crate::v2::wire::response::Response;

/// The operation of [`Client::set`](crate::v2::Client::set) and of its comparing variants: writes a key. Its options are
/// methods of the [`Call`].
#[derive(Clone)]
pub struct Set {
    key: String,
    value: String,
    ttl: Option<Ttl>,
    condition: Condition,
    no_value: bool,
}

/// The operation of [`Client::refresh`](crate::v2::Client::refresh): gives a key a new time to live.
#[derive(Clone, Debug)]
pub struct Refresh {
    key: String,
    ttl: Ttl,
}

/// The operation of [`Client::create_in_order`](crate::v2::Client::create_in_order): creates a key in a
/// directory with a name that sorts last.
#[derive(Clone)]
pub struct CreateInOrder {
    directory: String,
    value: String,
    ttl: Option<Ttl>,
}

impl Set {
    pub(in crate::v2) fn new(key: String, value: String) -> Self {
        Self { key, value, ttl: None, condition: Condition::default(), no_value: false }
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

impl Refresh {
    pub(in crate::v2) fn new(key: String, ttl: Duration) -> Self {
        Self { key, ttl: Ttl::For(ttl) }
    }
}

impl CreateInOrder {
    pub(in crate::v2) fn new(directory: String, value: String) -> Self {
        Self { directory, value, ttl: None }
    }
}

impl Call<Set> {
    /// The time to live, in whole seconds and at least one; then the server deletes the key, up to half a second
    /// late.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.operation.ttl = Some(Ttl::For(ttl));
        self
    }

    /// Removes the time to live that the key had.
    pub fn without_ttl(mut self) -> Self {
        self.operation.ttl = Some(Ttl::Ever);
        self
    }

    /// Writes only if this is the value of the key. It must not be empty, because etcd cannot compare with that.
    pub fn prev_value(mut self, value: impl Into<String>) -> Self {
        self.operation.condition.value = Some(value.into());
        self
    }

    /// Writes only if the key was last changed at this index: the
    /// [`modified_index`](crate::v2::Node::modified_index) of what was read. 0 is refused.
    pub fn prev_index(mut self, index: u64) -> Self {
        self.operation.condition.index = Some(index);
        self
    }

    /// Writes only if the key exists (`true`: an update, which keeps its created index), or only if it does not
    /// (`false`: a creation).
    pub fn prev_exist(mut self, exist: bool) -> Self {
        self.operation.condition.exist = Some(exist);
        self
    }

    /// Leaves the key out of the answer, so that [`Response::node`] is `None`.
    pub fn no_value_on_success(mut self) -> Self {
        self.operation.no_value = true;
        self
    }
}

impl Call<CreateInOrder> {
    /// The time to live, in whole seconds and at least one; then the server deletes the key.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.operation.ttl = Some(Ttl::For(ttl));
        self
    }
}

impl Operation for Set {
    type Output = Response;

    fn request(&self) -> Result<Request, Error> {
        let mut flags = self.condition.flags(&self.key)?;
        let mut fields = vec![("value", self.value.clone())];
        // In the form, because an address may not be so long.
        if let Some(place) = flags.iter().position(|(name, _)| *name == "prevValue") {
            fields.push(flags.swap_remove(place));
        }
        if let Some(ttl) = self.ttl {
            fields.push(ttl.field(&self.key)?);
        }
        if self.no_value {
            flags.push(("noValueOnSuccess", true.to_string()));
        }
        let resend = if self.condition.is_empty() { Resend::Harmlessly } else { Resend::Never };
        Request::put(key_path(&self.key, false)?, &flags, &fields, resend)
    }

    fn read(reply: &Reply) -> Result<Response, Error> {
        read_answer(reply)
    }
}

impl Operation for Refresh {
    type Output = Response;

    /// Without `prevExist` etcd would create the key again, with another created index.
    fn request(&self) -> Result<Request, Error> {
        let flags = [("refresh", true.to_string()), ("prevExist", true.to_string())];
        let fields = [self.ttl.field(&self.key)?];
        Request::put(key_path(&self.key, false)?, &flags, &fields, Resend::Harmlessly)
    }

    fn read(reply: &Reply) -> Result<Response, Error> {
        read_answer(reply)
    }
}

impl Operation for CreateInOrder {
    type Output = Response;

    fn request(&self) -> Result<Request, Error> {
        let mut fields = vec![("value", self.value.clone())];
        if let Some(ttl) = self.ttl {
            fields.push(ttl.field(&self.directory)?);
        }
        Request::post(key_path(&self.directory, false)?, &fields)
    }

    fn read(reply: &Reply) -> Result<Response, Error> {
        read_answer(reply)
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Set");
        out.field("key", &self.key).field("value", &Length::of(&self.value));
        out.field("ttl", &self.ttl).field("condition", &self.condition).finish_non_exhaustive()
    }
}

impl fmt::Debug for CreateInOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("CreateInOrder");
        out.field("directory", &self.directory).field("value", &Length::of(&self.value));
        out.field("ttl", &self.ttl).finish()
    }
}
