//! What all calls have in common.

use std::fmt;
use std::sync::Arc;

use crate::v2::calls::abort::AbortHandle;
use crate::v2::net::pool::Pool;
use crate::v2::net::reply::Reply;
use crate::v2::wire::request::Request;
use crate::v2::wire::response::{Answer, Response, parse};
use crate::{BoxFuture, Error, Kind};

/// A call that is sent when it is awaited. Dropping its future cancels it.
#[must_use = "nothing is sent before it is awaited"]
pub struct Call<O> {
    pool: Arc<Pool>,
    pub(in crate::v2) operation: O,
    max_retries: Option<u32>,
    abort: AbortHandle,
}

/// What a call asks for.
pub trait Operation: fmt::Debug + Send + Sync + 'static {
    /// What a success is read as.
    type Output: Send + 'static;

    /// The request, or what is wrong with the call.
    fn request(&self) -> Result<Request, Error>;

    /// Reads a success.
    fn read(reply: &Reply) -> Result<Self::Output, Error>;

    /// Reads an error that is an answer all the same.
    fn recover(error: Error) -> Result<Self::Output, Error> {
        Err(error)
    }
}

impl<O: Operation> Call<O> {
    pub(in crate::v2) fn new(pool: &Arc<Pool>, operation: O) -> Self {
        Self { pool: pool.clone(), operation, max_retries: None, abort: AbortHandle::default() }
    }

    /// How often all endpoints are tried again, for this call alone.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// A handle that cancels the call from elsewhere. The call then fails with [`Kind::Aborted`].
    pub fn abort_handle(&self) -> AbortHandle {
        self.abort.clone()
    }
}

impl<O: Operation> IntoFuture for Call<O> {
    type Output = Result<O::Output, Error>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { pool, operation, max_retries, abort } = self;
        Box::pin(unless_aborted(abort, async move {
            let request = operation.request()?;
            pool.call(&request, max_retries, O::read).await.or_else(O::recover)
        }))
    }
}

/// What was aborted never completes with a value.
pub(in crate::v2) async fn unless_aborted<T>(
    abort: AbortHandle,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        () = abort.aborted() => Err(Error::new(Kind::Aborted, "the call was aborted")),
        outcome = work => outcome,
    }
}

/// Reads a reply of the keys API.
pub(in crate::v2) fn read_answer(reply: &Reply) -> Result<Response<Answer>, Error> {
    Ok(Response::new(parse(&reply.body)?, reply.headers.clone()))
}

impl<O: fmt::Debug> fmt::Debug for Call<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.operation.fmt(f)
    }
}
