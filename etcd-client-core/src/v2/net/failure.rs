//! What can be said of one endpoint that could not do a request.

use std::time::Duration;

use crate::transport::credentials::Credentials;
use crate::transport::lost_connection::{LostConnection, TlsStage};
use crate::transport::not_etcd::whose_success;
use crate::transport::tls;
use crate::{Error, Kind};

/// One endpoint's failure, and what it means for the others.
#[derive(Debug)]
pub(in crate::v2) struct Failure {
    pub(in crate::v2) error: Error,
    /// Another endpoint may do better.
    pub(in crate::v2) elsewhere: bool,
    /// It is certain that no server has acted on the request.
    pub(in crate::v2) untouched: bool,
    /// It looks as if the members were electing a leader, or as if the server was being restarted.
    pub(in crate::v2) election: bool,
}

impl Failure {
    /// Nothing was sent, and nothing would be elsewhere.
    pub(in crate::v2) fn of_input(error: Error) -> Self {
        Self { error, elsewhere: false, untouched: true, election: false }
    }

    /// Something was answered that is not etcd's.
    pub(in crate::v2) fn of_protocol(error: Error) -> Self {
        Self { error, elsewhere: true, untouched: false, election: false }
    }

    /// A success that is not etcd's: each of etcd's tells its index.
    pub(in crate::v2) fn without_index() -> Self {
        let message = format!("the answer has no X-Etcd-Index: it is not etcd's; {}", whose_success());
        Self::of_protocol(Error::new(Kind::Protocol, message))
    }

    /// This endpoint cannot be asked.
    pub(in crate::v2) fn of_endpoint(error: Error) -> Self {
        Self { error, elsewhere: true, untouched: true, election: false }
    }

    /// The server has hung up on a request without TLS.
    pub(in crate::v2) fn for_want_of_tls() -> Self {
        Self::of_endpoint(Error::new(Kind::Unavailable, tls::WANTED))
    }

    /// It is the failure of a server to which the endpoint has redirected the request.
    pub(in crate::v2) fn after_redirection(self, origin: &str) -> Self {
        Self { error: self.error.at(&format!("redirected to {origin}")), ..self }
    }

    pub(in crate::v2) fn silence(what: &str, limit: Duration) -> Self {
        let error = Error::new(Kind::Timeout, format!("{what} within {limit:.1?}"));
        Self { error, elsewhere: true, untouched: false, election: false }
    }

    /// The answer has stopped half-way, or comes too slowly.
    pub(in crate::v2) fn too_slow(complaint: String) -> Self {
        let error = Error::new(Kind::Timeout, complaint);
        Self { error, elsewhere: true, untouched: false, election: false }
    }

    /// Says who it is that was refused: etcd says it of a wrong password and of a missing role alike.
    pub(in crate::v2) fn of_user(self, credentials: Option<&Credentials>) -> Self {
        if self.error.kind() != Kind::Unauthenticated {
            return self;
        }
        let message = match credentials {
            Some(_) => format!("{}: the password is wrong, or no role of the user's allows it", self.error),
            None => format!(
                "{} (this client gives no user and no password, and the role \"guest\" does not allow it)",
                self.error
            ),
        };
        let error = self.error.reworded(message);
        let error = match credentials {
            Some(credentials) => error.of_user(credentials.user()),
            None => error,
        };
        Self { error, ..self }
    }

    /// The connection could not be made, or was lost.
    pub(in crate::v2) fn of_connection(error: &reqwest::Error, stage: TlsStage) -> Self {
        let lost = LostConnection::of(error);
        let error = lost.to_error(stage);
        let is_of_tls = lost.is_cut_off_in_tls() || lost.is_of_tls();
        let election = !is_of_tls && lost.may_be_of_a_restart();
        Self { error, elsewhere: true, untouched: lost.unsent || is_of_tls, election }
    }
}
