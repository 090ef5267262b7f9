//! What all calls have in common.

use std::fmt;
use std::sync::Arc;

use crate::v2::calls::abort::AbortHandle;
use crate::v2::net::pool::Pool;
use crate::v2::net::reply::Reply;
use crate::v2::wire::request::Request;
use crate::v2::wire::response::{Answer, Response, parse};
use crate::{BoxFuture, Error, Kind};

/// A call of a [`Client`](crate::v2::Client). Its options depend on the operation; it is sent when it is awaited.
///
/// Dropping its future cancels it, but a write that was sent may be applied all the same. To cancel it from elsewhere
/// there is an [`abort_handle`](Self::abort_handle).
///
/// ```no_run
/// # async fn example(client: etcd_client_core::v2::Client) -> Result<(), etcd_client_core::Error> {
/// let call = client.get("payments").recursive(true).max_retries(0); // nothing is sent yet
/// let response = call.await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::kind`] says what a program can act on; [`Refusal::of`](crate::v2::Refusal::of) gives etcd's own answer.
#[must_use = "nothing is sent before it is awaited"]
pub struct Call<O> {
    pool: Arc<Pool>,
    pub(in crate::v2) operation: O,
    max_retries: Option<u32>,
    abort: AbortHandle,
}

/// The operation of a [`Call`], such as [`Get`](crate::v2::Get). It is implemented by this crate only.
pub trait Operation: fmt::Debug + Send + Sync + 'static {
    /// The result of a success.
    type Output: Send + 'static;

    /// The request, or an error if the options are invalid.
    fn request(&self) -> Result<Request, Error>;

    /// Reads a successful reply.
    fn read(reply: &Reply) -> Result<Self::Output, Error>;

    /// Makes a result of an error that is an answer, too.
    fn recover(error: Error) -> Result<Self::Output, Error> {
        Err(error)
    }
}

impl<O: Operation> Call<O> {
    pub(in crate::v2) fn new(pool: &Arc<Pool>, operation: O) -> Self {
        Self { pool: pool.clone(), operation, max_retries: None, abort: AbortHandle::default() }
    }

    /// In how many further rounds all endpoints are tried, for this call instead of the client's
    /// [`max_retries`](crate::v2::ClientBuilder::max_retries).
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// A handle that cancels the call from another task or thread. The call then fails with [`Kind::Aborted`].
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

/// Completes with the work's outcome, or with [`Kind::Aborted`] as soon as it is aborted.
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
