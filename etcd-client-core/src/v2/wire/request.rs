//! A request, before it is known which endpoint gets it.

use std::borrow::Cow;
use std::fmt;

use http::Method;

use crate::Error;
use crate::printable::Length;
use crate::v2::wire::encoding::{form, query};

/// With any other content type the keys API stores an empty value, without an error.
const FORM: &str = "application/x-www-form-urlencoded";

/// One request: a method, path and query below the endpoint, and a form or another body.
#[derive(Clone)]
pub struct Request {
    pub(in crate::v2) method: Method,
    /// The path and query, percent-encoded, with a slash at the beginning.
    pub(in crate::v2) path_and_query: String,
    pub(in crate::v2) body: Option<bytes::Bytes>,
    pub(in crate::v2) content_type: Cow<'static, str>,
    pub(in crate::v2) resend: Resend,
}

/// Whether a request may be sent again although a server may have acted on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::v2) enum Resend {
    /// Yes: it is a read.
    Freely,
    /// Yes: the second time changes nothing more than the first.
    Harmlessly,
    /// No: the second time could change or report something else.
    Never,
}

impl Request {
    pub(in crate::v2) fn get(path: impl Into<String>, flags: &[(&str, String)]) -> Result<Self, Error> {
        Self::new(Method::GET, path.into(), flags, None, Resend::Freely)
    }

    pub(in crate::v2) fn delete(
        path: String,
        flags: &[(&str, String)],
        resend: Resend,
    ) -> Result<Self, Error> {
        Self::new(Method::DELETE, path, flags, None, resend)
    }

    pub(in crate::v2) fn put(
        path: String,
        flags: &[(&str, String)],
        fields: &[(&str, String)],
        resend: Resend,
    ) -> Result<Self, Error> {
        Self::new(Method::PUT, path, flags, Some(form(fields)), resend)
    }

    pub(in crate::v2) fn post(path: String, fields: &[(&str, String)]) -> Result<Self, Error> {
        Self::new(Method::POST, path, &[], Some(form(fields)), Resend::Never)
    }

    pub(in crate::v2) fn new(
        method: Method,
        path: String,
        flags: &[(&str, String)],
        form: Option<String>,
        resend: Resend,
    ) -> Result<Self, Error> {
        let path_and_query = path + &query(flags)?;
        let content_type = Cow::Borrowed(FORM);
        Ok(Self { method, path_and_query, body: form.map(Into::into), content_type, resend })
    }
}

impl Request {
    /// Whether it compares an index, and no value.
    pub(in crate::v2) fn compares_indexes_only(&self) -> bool {
        let query = self.path_and_query.split_once('?').map_or("", |(_, query)| query);
        let names = |text: &str, name: &str| {
            text.split('&').any(|pair| pair.split('=').next().is_some_and(|it| it == name))
        };
        let body = String::from_utf8_lossy(self.body.as_deref().unwrap_or_default());
        names(query, "prevIndex") && !names(query, "prevValue") && !names(&body, "prevValue")
    }
}

impl fmt::Debug for Request {
    /// Shows the path; the query and the body may hold values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path_and_query.split('?').next().unwrap_or_default();
        let mut out = f.debug_struct("Request");
        out.field("method", &self.method).field("path", &path);
        out.field("body", &self.body.as_ref().map(Length::of)).finish_non_exhaustive()
    }
}
