//! Why a round over the endpoints has led to nothing.

use crate::Error;
use crate::error::EndpointFailure;
use crate::transport::all_failed::all_failed;
use crate::v3::net::auth::Token;
use crate::v3::net::failure::Failure;

/// Why an attempt at one endpoint has led to nothing.
pub(in crate::v3) enum Setback {
    /// With the token that was sent.
    OfEndpoint(Failure, Token),
    /// There is none.
    OfToken(Error),
}

/// Why a round over the endpoints has led to nothing.
#[derive(Debug)]
pub(in crate::v3) enum RoundFailure {
    /// No use in asking again.
    Final(Error),
    /// Each endpoint failed in a way that may pass.
    Everywhere(Vec<EndpointFailure>),
}

impl RoundFailure {
    pub(in crate::v3) fn of_token(error: Error) -> Self {
        if error.failures().is_empty() {
            Self::Final(error)
        } else {
            Self::Everywhere(error.failures().to_vec())
        }
    }

    /// As the outcome of a call that does no further round.
    pub(in crate::v3) fn into_error(self) -> Error {
        match self {
            Self::Final(error) => error,
            Self::Everywhere(failures) => {
                let endpoints = failures.len();
                all_failed(failures, endpoints, 1)
            }
        }
    }
}
