//! Users and tokens.

use prost::Message;

use crate::v3::wire::messages::kv::ResponseHeader;

/// Its `Debug` is written by hand, to keep the password out.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(in crate::v3) struct AuthenticateRequest {
    #[prost(string, tag = "1")]
    pub(in crate::v3) name: String,
    #[prost(string, tag = "2")]
    pub(in crate::v3) password: String,
}

impl std::fmt::Debug for AuthenticateRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AuthenticateRequest({:?}, •••)", self.name)
    }
}

/// Its `Debug` is written by hand, to keep the token out.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(in crate::v3) struct AuthenticateResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::v3) header: Option<ResponseHeader>,
    #[prost(string, tag = "2")]
    pub(in crate::v3) token: String,
}

impl std::fmt::Debug for AuthenticateResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthenticateResponse(•••)")
    }
}
