//! How a call ended, with the words of the server ("Responses", "Status Message").

use http::{HeaderMap, StatusCode};

use crate::v3::grpc::code::Code;

const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";

/// The longest message that is read, in bytes as they are sent: a balancer lists the addresses that it has tried.
const LONGEST_MESSAGE: usize = 16 << 10;

/// A code and a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::v3) struct Status {
    pub(in crate::v3) code: Code,
    /// In the server's words, of any kind and length.
    pub(in crate::v3) message: String,
}

impl Status {
    pub(in crate::v3) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The other side does not keep to the protocol.
    pub(in crate::v3) fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    /// What the trailers say, or the headers of an answer that has nothing else ("Trailers-Only"). Details, which etcd
    /// does not send, are not read.
    pub(super) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let code = Code::of_header(headers.get(STATUS)?.as_bytes());
        let message = headers.get(MESSAGE).map_or(&[][..], |value| value.as_bytes());
        Some(Self { code, message: decoded(&message[..message.len().min(LONGEST_MESSAGE)]) })
    }

    /// Of an answer that has ended without one.
    pub(super) fn missing(http: StatusCode) -> Self {
        if http == StatusCode::OK {
            return Self::new(
                Code::Unknown,
                "protocol error: missing grpc-status trailer, stream was terminated without a final status (possible \
                 truncation by a proxy or load balancer)",
            );
        }
        let message = format!("grpc-status header missing, mapped from HTTP status code {}", http.as_u16());
        Self::new(Code::of_http(http), message)
    }

    /// Of an answer that has ended within a message.
    pub(super) fn cut_off() -> Self {
        Self::internal("Unexpected EOF decoding stream.")
    }
}

/// Without the percent-encoding. What is encoded wrongly stays as it is, and bytes that are no UTF-8 are replaced: a
/// message is never thrown away.
fn decoded(message: &[u8]) -> String {
    percent_encoding::percent_decode(message).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(status: &str, message: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(STATUS, HeaderValue::from_str(status).unwrap());
        headers.insert(MESSAGE, HeaderValue::from_bytes(message).unwrap());
        headers
    }

    #[test]
    fn a_message_is_decoded_and_never_thrown_away() {
        for (encoded, message) in [
            (&b"etcdserver: no leader"[..], "etcdserver: no leader"),
            (b"100%25 of %E2%82%ac%0a", "100% of \u{20ac}\n"),
            (b"%zz%", "%zz%"),
            (b"%2", "%2"),
            (b"%2%41", "%2A"),
            (b"%ff\xfe", "\u{fffd}\u{fffd}"),
            (b"", ""),
        ] {
            let status = Status::of_headers(&headers("13", encoded)).unwrap();
            assert_eq!(status, Status::internal(message));
        }
        let long = Status::of_headers(&headers("13", &b"%41".repeat(1 << 20))).unwrap();
        assert!(long.message.len() <= LONGEST_MESSAGE && long.message.starts_with("AAA"));
    }

    #[test]
    fn details_are_not_read_and_no_status_is_none() {
        let mut headers = headers("7", b"no");
        headers.insert("grpc-status-details-bin", HeaderValue::from_static("%%%"));
        assert_eq!(Status::of_headers(&headers), Some(Status::new(Code::PermissionDenied, "no")));
        headers.remove(STATUS);
        assert_eq!(Status::of_headers(&headers), None);
    }

    #[test]
    fn without_a_status_the_answer_of_http_says_what_it_was() {
        let code = |status: u16| Status::missing(StatusCode::from_u16(status).unwrap()).code;
        let all = [
            (200, Code::Unknown),
            (401, Code::Unauthenticated),
            (404, Code::Unimplemented),
            (418, Code::Unknown),
        ];
        for (status, expected) in
            all.into_iter().chain([429, 502, 503, 504].map(|status| (status, Code::Unavailable)))
        {
            assert_eq!(code(status), expected, "{status}");
        }
    }
}
