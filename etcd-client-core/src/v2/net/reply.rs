//! The answer to a request, while it comes and as a whole.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::printable::Length;
use crate::transport::activity::{Activity, MinRate};
use crate::transport::lost_connection::TlsStage;
use crate::transport::settings::ClientOptions;
use crate::v2::net::failure::Failure;
use crate::v2::net::refusal;
use crate::v2::net::refusal::Refusal;
use crate::v2::wire::headers::Headers;
use crate::{Error, Kind};

/// The beginning of a reply: its headers are there, its body is not.
#[derive(Debug)]
pub(in crate::v2) struct Opened {
    pub(in crate::v2) headers: Headers,
    /// Of the connections that it came on.
    pub(in crate::v2) generation: u64,
    body: reqwest::Response,
    /// Of the endpoint.
    activity: Arc<Activity>,
}

/// A whole reply.
#[derive(Clone)]
pub struct Reply {
    pub(in crate::v2) headers: Headers,
    pub(in crate::v2) body: Bytes,
}

impl Reply {
    /// For a success that is none.
    pub(in crate::v2) fn into_refusal(self) -> Refusal {
        let headers = &self.headers;
        if headers.http_status().is_success() {
            Refusal::unread(headers)
        } else {
            Refusal::read(headers, &self.body)
        }
    }
}

impl std::fmt::Debug for Reply {
    /// Leaves out what the body says: values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply")
            .field("headers", &self.headers)
            .field("body", &Length::of(&self.body))
            .finish()
    }
}

impl Opened {
    /// Of an answer whose headers have come, on connections of this generation.
    pub(in crate::v2) fn new(
        mut answer: reqwest::Response,
        generation: u64,
        activity: Arc<Activity>,
    ) -> Self {
        let headers = Headers::new(answer.status(), std::mem::take(answer.headers_mut()));
        Self { headers, generation, body: answer, activity }
    }

    /// Takes the body, which may neither fall silent nor come too slowly ([`MinRate`]) for longer than `first`
    /// at its beginning, if that is limited, and than the client's limit once it has begun.
    pub(in crate::v2) async fn read(
        self,
        first: Option<Duration>,
        options: &ClientOptions,
    ) -> Result<Reply, Failure> {
        self.read_noting(first, options, &AtomicBool::default()).await
    }

    /// Takes the beginning of the body of a refusal.
    pub(in crate::v2) async fn read_refusal(self, options: &ClientOptions) -> Result<Reply, Failure> {
        let Self { headers, mut body, activity, .. } = self;
        let mut begun = BytesMut::new();
        let mut rate = Some(MinRate::new(&activity, options.timeout));
        while begun.len() < refusal::LONGEST {
            match piece(&mut body, &mut rate, &activity, options).await? {
                Some(piece) => begun.extend_from_slice(&piece),
                None => break,
            }
        }
        Ok(Reply { headers, body: begun.freeze() })
    }

    /// As [`read`](Self::read), and notes when there is more than white space of it.
    pub(in crate::v2) async fn read_noting(
        self,
        first: Option<Duration>,
        options: &ClientOptions,
        begun: &AtomicBool,
    ) -> Result<Reply, Failure> {
        let Self { headers, mut body, activity, .. } = self;
        let mut whole = BytesMut::new();
        let mut rate = first.map(|first| MinRate::new(&activity, first));
        while let Some(piece) = piece(&mut body, &mut rate, &activity, options).await? {
            if whole.len() + piece.len() > options.receive_limit {
                let message = format!(
                    "the answer is larger than {} bytes: raise the builder's receive_limit()",
                    options.receive_limit
                );
                return Err(Failure {
                    untouched: false,
                    ..Failure::of_input(Error::new(Kind::TooLarge, message))
                });
            }
            if !piece.iter().all(u8::is_ascii_whitespace) {
                begun.store(true, Ordering::Relaxed);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(Reply { headers, body: whole.freeze() })
    }
}

/// The next piece of a body, which must come fast enough once it has begun, or at once if there is a rate
/// already.
async fn piece(
    body: &mut reqwest::Response,
    rate: &mut Option<MinRate>,
    activity: &Arc<Activity>,
    options: &ClientOptions,
) -> Result<Option<Bytes>, Failure> {
    let stage = TlsStage::of(body.url().scheme() == "https", true);
    let piece = match rate {
        None => body.chunk().await,
        Some(rate) => tokio::select! {
            biased;
            piece = body.chunk() => piece,
            complaint = poll_fn(|cx| rate.poll_too_slow(cx)) => return Err(Failure::too_slow(complaint)),
        },
    };
    let piece = piece.map_err(|error| Failure::of_connection(&error, stage))?;
    if let Some(piece) = &piece {
        activity.note(piece.len());
        rate.get_or_insert_with(|| MinRate::new(activity, options.timeout)).note(piece.len());
    }
    Ok(piece)
}
