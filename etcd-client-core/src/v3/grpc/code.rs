//! The codes of a status ("Status codes and their use in gRPC", `statuscodes.md`).

use http::StatusCode;

/// How a call ended. The numbers are those on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::v3) enum Code {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// By their numbers.
const CODES: [Code; 17] = [
    Code::Ok,
    Code::Cancelled,
    Code::Unknown,
    Code::InvalidArgument,
    Code::DeadlineExceeded,
    Code::NotFound,
    Code::AlreadyExists,
    Code::PermissionDenied,
    Code::ResourceExhausted,
    Code::FailedPrecondition,
    Code::Aborted,
    Code::OutOfRange,
    Code::Unimplemented,
    Code::Internal,
    Code::Unavailable,
    Code::DataLoss,
    Code::Unauthenticated,
];

impl Code {
    /// As a header has it: digits, without a zero before them. What is no code is `Unknown`.
    pub(super) fn of_header(value: &[u8]) -> Self {
        let digits =
            std::str::from_utf8(value).ok().filter(|text| *text == "0" || !text.starts_with(['0', '+']));
        let number = digits.and_then(|digits| digits.parse::<usize>().ok());
        number.and_then(|number| CODES.get(number).copied()).unwrap_or(Self::Unknown)
    }

    /// Of an answer without a code ("HTTP to gRPC Status Code Mapping", `http-grpc-status-mapping.md`).
    pub(super) fn of_http(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_REQUEST => Self::Internal,
            StatusCode::UNAUTHORIZED => Self::Unauthenticated,
            StatusCode::FORBIDDEN => Self::PermissionDenied,
            StatusCode::NOT_FOUND => Self::Unimplemented,
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Self::Unavailable,
            _ => Self::Unknown,
        }
    }
}

impl From<Code> for i32 {
    fn from(code: Code) -> Self {
        code as Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_its_number_and_anything_else_is_unknown() {
        for (number, code) in CODES.into_iter().enumerate() {
            assert_eq!(Code::of_header(number.to_string().as_bytes()), code);
            assert_eq!(usize::try_from(i32::from(code)).unwrap(), number);
        }
        for other in ["", "17", "-1", "+1", "01", "00", " 1", "1 ", "ok", "4000000", "99999999999999999999"] {
            assert_eq!(Code::of_header(other.as_bytes()), Code::Unknown, "{other:?}");
        }
        assert_eq!(Code::of_header(b"\xff"), Code::Unknown);
    }
}
