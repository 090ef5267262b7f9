//! Sends calls over a connection, and bounds how their answers may come.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body as _, Frame};
use tokio::time::timeout;

use crate::transport::activity::{Activity, MinRate};
use crate::transport::lost_connection::{LostConnection, TlsStage};
use crate::transport::not_etcd::{http_answer, whose};
use crate::v3::grpc::answers::{Answers, CallError, is_grpc};
use crate::v3::grpc::request::RequestBody;
use crate::v3::net::connections::StreamSlot;
use crate::v3::net::endpoint_client::EndpointClient;
use crate::{Error, Kind};

/// As much of a page that is not etcd's as is read, in bytes.
const LONGEST_PAGE: usize = 800;

/// Sends the requests of one call.
#[derive(Debug)]
pub(in crate::v3) struct GrpcChannel<'c> {
    endpoint: &'c EndpointClient,
    slot: &'c StreamSlot,
    /// For the answer's headers to arrive.
    headers_within: Duration,
    /// In which the answer must bring what a slow link brings ([`MinRate`]); `None` for a stream, whose
    /// silence is normal.
    pieces_within: Option<Duration>,
    /// How many bytes of the answer have come, for who wants to know.
    arrived: Option<Arc<AtomicUsize>>,
}

/// Why there was no gRPC answer.
#[derive(Clone, Debug)]
pub(in crate::v3) struct TransportError {
    pub(in crate::v3) error: Error,
    /// Not one byte of the request was sent.
    pub(in crate::v3) unsent: bool,
    /// The connection broke before there was an answer, so that the server may not speak
    /// HTTP/2.
    pub(in crate::v3) not_http2: bool,
    /// The connection carries no more streams.
    pub(in crate::v3) refused: bool,
}

impl<'c> GrpcChannel<'c> {
    /// For a call, whose answer must begin, and go on, within the limit.
    pub(in crate::v3) fn for_call(
        endpoint: &'c EndpointClient,
        slot: &'c StreamSlot,
        limit: Duration,
    ) -> Self {
        Self { endpoint, slot, headers_within: limit, pieces_within: Some(limit), arrived: None }
    }

    /// For a stream, whose bytes are counted.
    pub(in crate::v3) fn for_stream(
        endpoint: &'c EndpointClient,
        slot: &'c StreamSlot,
        headers_within: Duration,
        arrived: &Arc<AtomicUsize>,
    ) -> Self {
        let arrived = Some(Arc::clone(arrived));
        Self { endpoint, slot, headers_within, pieces_within: None, arrived }
    }

    /// Begins a call of the method at this path. Messages of the answer have so many bytes at most.
    pub(in crate::v3) async fn call(
        self,
        path: &'static str,
        headers: HeaderMap,
        body: RequestBody,
        receive_limit: usize,
    ) -> Result<Answers<AnswerBody>, CallError<TransportError>> {
        let answer = self.send(path, headers, body).await.map_err(CallError::Transport)?;
        Answers::of(answer, receive_limit).map_err(CallError::Status)
    }

    async fn send(
        self,
        path: &'static str,
        headers: HeaderMap,
        body: RequestBody,
    ) -> Result<Response<AnswerBody>, TransportError> {
        let (limit, connection) = (self.headers_within, self.slot.connection());
        let request = self.prepare(path, headers, body)?;
        let answer = async {
            let _first = connection.gate().pass().await;
            connection.client().execute(request).await
        };
        let answer = match timeout(limit, answer).await {
            Ok(answer) => answer.map_err(|error| TransportError::from_reqwest(&error, self.tls_stage()))?,
            Err(_) => return Err(TransportError::silence(format!("no answer within {limit:.1?}"))),
        };
        connection.gate().open();
        self.slot.answered().store(true, Ordering::Relaxed);
        self.endpoint.activity().note(1);
        let answer: Response<reqwest::Body> = answer.into();
        if !is_grpc(answer.headers()) {
            return Err(self.describe(answer).await);
        }
        let (window, arrived) = (self.pieces_within, self.arrived.clone());
        Ok(answer.map(|body| self.answer_body(body, window, arrived)))
    }

    fn tls_stage(&self) -> TlsStage {
        TlsStage::of(self.endpoint.endpoint().is_secure(), self.slot.answered().load(Ordering::Relaxed))
    }

    fn answer_body(
        &self,
        body: reqwest::Body,
        pieces_within: Option<Duration>,
        arrived: Option<Arc<AtomicUsize>>,
    ) -> AnswerBody {
        let activity = Arc::clone(self.endpoint.activity());
        let rate = pieces_within.map(|window| MinRate::new(&activity, window));
        AnswerBody { stage: self.tls_stage(), body, rate, activity, arrived }
    }

    fn prepare(
        &self,
        path: &'static str,
        headers: HeaderMap,
        body: RequestBody,
    ) -> Result<reqwest::Request, TransportError> {
        let url = self.endpoint.method_url(path).map_err(|error| TransportError {
            error,
            unsent: true,
            not_http2: false,
            refused: false,
        })?;
        let mut request = reqwest::Request::new(http::Method::POST, url);
        *request.version_mut() = http::Version::HTTP_2;
        *request.headers_mut() = headers;
        *request.body_mut() = Some(reqwest::Body::wrap(body));
        Ok(request)
    }

    /// What a proxy or another kind of server has to say, for the person who reads the error.
    async fn describe(&self, answer: Response<reqwest::Body>) -> TransportError {
        let status = answer.status();
        let mut body = self.answer_body(answer.into_body(), Some(self.headers_within), None);
        let mut text = Vec::new();
        while text.len() < LONGEST_PAGE {
            match std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                Some(Ok(frame)) => text.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..])),
                Some(Err(_)) | None => break,
            }
        }
        let error = Error::new(Kind::Protocol, no_grpc(status, &text));
        TransportError { error, unsent: false, not_http2: false, refused: false }
    }
}

/// What is said of an answer that is not gRPC's.
pub(in crate::v3) fn no_grpc(status: http::StatusCode, body: &[u8]) -> String {
    format!("not an answer of etcd's gRPC, but {}; {}", http_answer(status, body), whose(status, body))
}

impl TransportError {
    fn silence(message: String) -> Self {
        let error = Error::new(Kind::Timeout, message);
        Self { error, unsent: false, not_http2: false, refused: false }
    }

    fn from_reqwest(error: &reqwest::Error, stage: TlsStage) -> Self {
        let lost = LostConnection::of(error);
        let (cause, unsent) = (&lost.cause, lost.unsent);
        // As RFC 9113 has it, nothing was done of what is refused so.
        let refused = cause.contains("refused stream before processing");
        let own = if refused {
            Error::new(Kind::Overloaded, "the connection carries no more streams")
        } else if !unsent && speaks_no_http2(cause) {
            Error::new(Kind::Protocol, format!("the answer is not HTTP/2, which gRPC needs ({cause})"))
        } else {
            lost.to_error(stage)
        };
        let not_http2 = !unsent && !refused && error.is_request();
        Self { error: own, unsent: unsent || refused, not_http2, refused }
    }
}

fn speaks_no_http2(cause: &str) -> bool {
    ["frame with invalid size", "unspecific protocol error", "invalid preface"]
        .iter()
        .any(|sign| cause.contains(sign))
}

/// An answer that may neither fall silent half-way nor come in drips.
pub(in crate::v3) struct AnswerBody {
    stage: TlsStage,
    body: reqwest::Body,
    rate: Option<MinRate>,
    activity: Arc<Activity>,
    arrived: Option<Arc<AtomicUsize>>,
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        let this = &mut *self;
        let frame = match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let Some(rate) = &mut this.rate else { return Poll::Pending };
                let complaint = ready!(rate.poll_too_slow(cx));
                return Poll::Ready(Some(Err(TransportError::silence(complaint))));
            }
        };
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            this.activity.note(data.len());
            if let Some(arrived) = &this.arrived {
                arrived.fetch_add(data.len(), Ordering::Relaxed);
            }
            if let Some(rate) = &mut this.rate {
                rate.note(data.len());
            }
        }
        Poll::Ready(
            frame.map(|frame| frame.map_err(|error| TransportError::from_reqwest(&error, this.stage))),
        )
    }
}
