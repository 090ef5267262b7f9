//! The v2 API as bytes: requests, answers, error codes.

pub(in crate::v2) mod encoding;
pub(in crate::v2) mod error_code;
pub(in crate::v2) mod headers;
pub(in crate::v2) mod request;
pub(in crate::v2) mod response;
