//! The messages of an answer, and how it ends ("Responses").

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;

use crate::Printable;
use crate::v3::grpc::code::Code;
use crate::v3::grpc::frame::FrameReader;
use crate::v3::grpc::status::Status;

const ENCODING: &str = "grpc-encoding";

/// The longest name of an encoding that is shown, in characters.
const LONGEST_NAME: usize = 40;

/// Why there is no further message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::v3) enum CallError<E> {
    /// The server, or what this side makes of its answer.
    Status(Status),
    /// The connection.
    Transport(E),
}

/// Whether it is gRPC that has answered.
pub(in crate::v3) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(http::header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// The messages of an answer, one after the other.
#[derive(Debug)]
pub(in crate::v3) struct Answers<B> {
    body: B,
    http: StatusCode,
    /// What has come and is not read yet.
    piece: Bytes,
    reader: FrameReader,
    end: End,
}

/// What is known of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The trailers say it.
    InTrailers,
    /// The headers have said that all is well.
    InHeaders,
    /// It has been reported.
    Reported,
}

impl<B: Body<Data = Bytes> + Unpin> Answers<B> {
    /// Begins to read an answer whose messages have so many bytes at most.
    ///
    /// # Errors
    /// The answer is nothing but a status, or it is compressed.
    pub(in crate::v3) fn of(answer: Response<B>, limit: usize) -> Result<Self, Status> {
        refuse_encoding(answer.headers())?;
        let end = match Status::of_headers(answer.headers()) {
            Some(Status { code: Code::Ok, .. }) => End::InHeaders,
            Some(refusal) => return Err(refusal),
            None => End::InTrailers,
        };
        let http = answer.status();
        Ok(Self { body: answer.into_body(), http, piece: Bytes::new(), reader: FrameReader::new(limit), end })
    }

    /// The next message; `None` after the last, if all is well. Nothing comes after an error.
    pub(in crate::v3) async fn message(&mut self) -> Result<Option<Bytes>, CallError<B::Error>> {
        poll_fn(|cx| self.poll_message(cx)).await
    }

    /// The same as [`message`](Self::message).
    pub(in crate::v3) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, CallError<B::Error>>> {
        let outcome = match self.end {
            End::Reported => Ok(None),
            End::InTrailers | End::InHeaders => ready!(self.poll_next(cx)),
        };
        if !matches!(outcome, Ok(Some(_))) {
            self.end = End::Reported;
        }
        Poll::Ready(outcome)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, CallError<B::Error>>> {
        loop {
            if !self.piece.is_empty() {
                match self.reader.read(&mut self.piece).map_err(CallError::Status)? {
                    Some(message) => return Poll::Ready(Ok(Some(message))),
                    None => continue,
                }
            }
            let trailers = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => None,
                Some(Err(error)) => return Poll::Ready(Err(CallError::Transport(error))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => {
                        self.piece = piece;
                        continue;
                    }
                    // There is no third kind.
                    Err(frame) => frame.into_trailers().ok(),
                },
            };
            return Poll::Ready(self.ended(trailers.as_ref()).map(|()| None).map_err(CallError::Status));
        }
    }

    /// How it has ended, and whether that is well.
    fn ended(&self, trailers: Option<&HeaderMap>) -> Result<(), Status> {
        let status = trailers.and_then(Status::of_headers);
        match status {
            Some(refusal) if refusal.code != Code::Ok => Err(refusal),
            _ if self.reader.is_within_message() => Err(Status::cut_off()),
            None if self.end == End::InTrailers => Err(Status::missing(self.http)),
            _ => Ok(()),
        }
    }
}

/// Refuses what this client cannot read, and has not asked for.
fn refuse_encoding(headers: &HeaderMap) -> Result<(), Status> {
    match headers.get(ENCODING) {
        Some(name) if name != "identity" => {
            let name = String::from_utf8_lossy(name.as_bytes());
            let name = Printable::line(&name).at_most(LONGEST_NAME);
            let message = format!("Content is compressed with `{name}` which isn't supported");
            Err(Status::new(Code::Unimplemented, message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use http::HeaderValue;
    use http_body::Frame;

    use super::*;

    /// What comes, and then an error or the end.
    struct Script(VecDeque<Frame<Bytes>>, Option<&'static str>);

    impl Body for Script {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            let frame = self.0.pop_front().map(Ok);
            Poll::Ready(frame.or_else(|| self.1.take().map(Err)))
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    fn data(bytes: &'static [u8]) -> Frame<Bytes> {
        Frame::data(Bytes::from_static(bytes))
    }

    fn trailers(pairs: &[(&'static str, &'static str)]) -> Frame<Bytes> {
        Frame::trailers(headers(pairs))
    }

    type Outcome = Result<Option<Bytes>, CallError<&'static str>>;

    /// All that is read: the last one is the end. Whatever follows it is nothing.
    async fn read<const N: usize>(
        head: &[(&'static str, &'static str)],
        frames: [Frame<Bytes>; N],
    ) -> (Vec<Bytes>, Outcome) {
        read_until(head, frames, None).await
    }

    async fn read_until<const N: usize>(
        head: &[(&'static str, &'static str)],
        frames: [Frame<Bytes>; N],
        error: Option<&'static str>,
    ) -> (Vec<Bytes>, Outcome) {
        let mut answer = Response::new(Script(frames.into(), error));
        *answer.headers_mut() = headers(head);
        let mut answers = match Answers::of(answer, 9) {
            Ok(answers) => answers,
            Err(status) => return (Vec::new(), Err(CallError::Status(status))),
        };
        let mut messages = Vec::new();
        let end = loop {
            match answers.message().await {
                Ok(Some(message)) => messages.push(message),
                end => break end,
            }
        };
        assert_eq!(answers.message().await, Ok(None));
        (messages, end)
    }

    fn refused(code: Code, message: &str) -> Outcome {
        Err(CallError::Status(Status::new(code, message)))
    }

    #[tokio::test]
    async fn messages_come_and_then_the_end_that_the_trailers_say() {
        let ok = || trailers(&[("grpc-status", "0")]);
        let (messages, end) = read(
            &[],
            [data(b"\0\0\0"), data(b""), data(b"\0\x01a\0\0\0\0\0\0\0\0\0\x02b"), data(b"c"), ok()],
        )
        .await;
        assert_eq!((messages, end), (vec!["a".into(), "".into(), "bc".into()], Ok(None)));
        let no = trailers(&[("grpc-status", "5"), ("grpc-message", "a%20b")]);
        let (messages, end) = read(&[], [data(b"\0\0\0\0\x01a"), no]).await;
        assert_eq!((messages, end), (vec!["a".into()], refused(Code::NotFound, "a b")));
        // What comes after the trailers does not count.
        assert_eq!(read(&[], [ok(), data(b"\0\0\0\0\x01a")]).await, (vec![], Ok(None)));
    }

    #[tokio::test]
    async fn an_answer_may_be_its_end() {
        let head = [("grpc-status", "14"), ("grpc-message", "etcdserver: no leader")];
        assert_eq!(read(&head, []).await.1, refused(Code::Unavailable, "etcdserver: no leader"));
        assert_eq!(read(&[("grpc-status", "0")], []).await, (vec![], Ok(None)));
    }

    #[tokio::test]
    async fn an_end_without_a_status_is_an_error() {
        for frames in [vec![], vec![trailers(&[])], vec![trailers(&[("x", "y")])]] {
            let mut answers = Answers::of(Response::new(Script(frames.into(), None)), 9).unwrap();
            let Err(CallError::Status(status)) = answers.message().await else { panic!("it has no status") };
            assert!(
                status.code == Code::Unknown && status.message.contains("missing grpc-status"),
                "{status:?}"
            );
        }
        let half = "Unexpected EOF decoding stream.";
        assert_eq!(read(&[], [data(b"\0\0\0\0\x02a")]).await.1, refused(Code::Internal, half));
        assert_eq!(read(&[], [data(b"\0")]).await.1, refused(Code::Internal, half));
        let ok = trailers(&[("grpc-status", "0")]);
        assert_eq!(read(&[], [data(b"\0\0\0\0\x02a"), ok]).await.1, refused(Code::Internal, half));
        assert_eq!(read(&[("grpc-status", "0")], [data(b"\0")]).await.1, refused(Code::Internal, half));
        let no = trailers(&[("grpc-status", "8"), ("grpc-message", "no")]);
        assert_eq!(read(&[], [data(b"\0\0\0\0\x02a"), no]).await.1, refused(Code::ResourceExhausted, "no"));
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_refused_once() {
        let gzip = read(&[("grpc-encoding", "gzip")], [data(b"\x01\0\0\0\x01a")]).await;
        assert_eq!(
            gzip.1,
            refused(Code::Unimplemented, "Content is compressed with `gzip` which isn't supported")
        );
        let plain = read(&[("grpc-encoding", "identity")], [trailers(&[("grpc-status", "0")])]).await;
        assert_eq!(plain.1, Ok(None));
        for bytes in [&b"\x01\0\0\0\x01a\0\0\0\0\0"[..], b"\0\0\0\0\x0a1234567890\0\0\0\0\0"] {
            let (messages, end) = read(&[], [data(bytes), trailers(&[("grpc-status", "0")])]).await;
            assert!(messages.is_empty() && matches!(end, Err(CallError::Status(_))), "{end:?}");
        }
    }

    #[tokio::test]
    async fn what_has_come_before_the_connection_broke_is_read() {
        let (messages, end) = read_until(&[], [data(b"\0\0\0\0\x01a\0\0")], Some("reset")).await;
        assert_eq!((messages, end), (vec!["a".into()], Err(CallError::Transport("reset"))));
    }
}
