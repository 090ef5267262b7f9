//! Requests that have no call of their own.

use std::fmt;

use http::Method;

use crate::Error;
use crate::v2::calls::call::{Call, Operation};
use crate::v2::net::reply::Reply;
use crate::v2::wire::encoding::form;
use crate::v2::wire::request::{Request, Resend};
use crate::v2::wire::response::Response;

/// The operation of [`Client::raw`](crate::v2::Client::raw): any method on any path. The body of the response is the
/// text that the server sends; any status but 2xx, after redirections, is an error.
///
/// ```no_run
/// # async fn example(client: etcd_client_core::v2::Client) -> Result<(), etcd_client_core::Error> {
/// let users = client.raw("GET", "/v2/auth/users").await?;
/// println!("{}", users.body());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Raw {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    form: Option<Vec<(String, String)>>,
    body: Option<(String, String)>,
}

impl Raw {
    pub(in crate::v2) fn new(method: String, path: String) -> Self {
        Self { method, path, query: Vec::new(), form: None, body: None }
    }
}

impl Call<Raw> {
    /// Adds a parameter to the query; it is percent-encoded.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.operation.query.push((name.into(), value.into()));
        self
    }

    /// Adds a field to the form in the body; it is percent-encoded.
    pub fn form(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.operation.form.get_or_insert_default().push((name.into(), value.into()));
        self
    }

    /// A body that is no form, such as `application/json` for the members and auth APIs.
    pub fn body(mut self, content_type: impl Into<String>, body: impl Into<String>) -> Self {
        self.operation.body = Some((content_type.into(), body.into()));
        self
    }
}

impl Operation for Raw {
    type Output = Response<String>;

    /// Only reads are sent again.
    fn request(&self) -> Result<Request, Error> {
        let method: Method = self
            .method
            .to_ascii_uppercase()
            .parse()
            .map_err(|_| Error::invalid_input(format!("{:?} is no HTTP method", self.method)))?;
        let mut path = format!("/{}", self.path.trim_start_matches('/'));
        if path.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(Error::invalid_input(format!(
                "the path {path:?} is not encoded: write %20 for a space, and so on"
            )));
        }
        let query = pairs(&self.query);
        if path.contains('?') && !query.is_empty() {
            path = format!("{path}&{}", form(&query));
        } else if !query.is_empty() {
            path = format!("{path}?{}", form(&query));
        }
        let body = self.form.as_ref().map(|fields| form(&pairs(fields)));
        let safe = matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
        let resend = if safe { Resend::Freely } else { Resend::Never };
        let mut request = Request::new(method, path, &[], body, resend)?;
        if let Some((content_type, body)) = &self.body {
            if request.body.is_some() {
                return Err(Error::invalid_input("a request has a form or another body, not both"));
            }
            request.body = Some(body.clone().into());
            request.content_type = content_type.clone().into();
        }
        Ok(request)
    }

    fn read(reply: &Reply) -> Result<Response<String>, Error> {
        Ok(Response::new(String::from_utf8_lossy(&reply.body).into_owned(), reply.headers.clone()))
    }
}

fn pairs(owned: &[(String, String)]) -> Vec<(&str, String)> {
    owned.iter().map(|(name, value)| (name.as_str(), value.clone())).collect()
}

impl fmt::Debug for Raw {
    /// Shows method and path; the query, the form and the body may hold values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split('?').next().unwrap_or_default();
        f.debug_struct("Raw").field("method", &self.method).field("path", &path).finish_non_exhaustive()
    }
}
