//! What can be said of one endpoint that could not do a request.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use crate::transport::credentials::Credentials;
use crate::transport::http::{causes, root_cause};
use crate::transport::tls;
use crate::{Error, Kind, Printable};

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
        Self::of_protocol(Error::new(Kind::Protocol, "the answer has no X-Etcd-Index: it is not etcd's"))
    }

    /// This endpoint cannot be asked.
    pub(in crate::v2) fn of_endpoint(error: Error) -> Self {
        Self { error, elsewhere: true, untouched: true, election: false }
    }

    /// The server has hung up on a request without TLS.
    pub(in crate::v2) fn for_want_of_tls() -> Self {
        Self::of_endpoint(Error::new(Kind::Unavailable, tls::WANTED))
    }

    /// It is the failure of somebody to whom the endpoint has sent the request.
    pub(in crate::v2) fn after_redirection(self, origin: &str) -> Self {
        Self { error: self.error.at(&format!("redirected to {origin}")), ..self }
    }

    pub(in crate::v2) fn silence(what: &str, limit: Duration) -> Self {
        let error = Error::new(Kind::Timeout, format!("{what} within {limit:.1?}"));
        Self { error, elsewhere: true, untouched: false, election: false }
    }

    /// The answer has stopped half-way, or comes in drips.
    pub(in crate::v2) fn drought(complaint: String) -> Self {
        let error = Error::new(Kind::Timeout, complaint);
        Self { error, elsewhere: true, untouched: false, election: false }
    }

    /// Says who it is that was refused: etcd says it of a wrong password and of a missing role alike.
    pub(in crate::v2) fn of_user(self, credentials: Option<&Credentials>) -> Self {
        if self.error.kind() != Kind::Unauthenticated {
            return self;
        }
        let message = match credentials {
            Some(credentials) => format!(
                "user {:?}: {}: the password is wrong, or no role of the user's allows it",
                Printable::line(credentials.user()),
                self.error
            ),
            None => format!(
                "{} (this client gives no user and no password, and the role \"guest\" does not allow it)",
                self.error
            ),
        };
        let code = self.error.code();
        let error = Error::new(Kind::Unauthenticated, message).with_source(self.error);
        let error = match code {
            Some(code) => error.with_code(code),
            None => error,
        };
        Self { error, ..self }
    }

    /// The connection could not be made, or was lost.
    pub(in crate::v2) fn of_connection(error: &reqwest::Error) -> Self {
        let cause = root_cause(error);
        let unsent = error.is_connect() || error.is_builder();
        let (kind, message) = if unsent && error.is_timeout() {
            (Kind::Timeout, "cannot connect: no answer within the connect limit".to_owned())
        } else if is_cut_off(error) {
            let hint = "the server does not speak TLS, or does not like this client: is it http://?";
            (Kind::Unavailable, format!("cannot connect: cut off in the TLS handshake ({cause}): {hint}"))
        } else if unsent {
            (Kind::Unavailable, format!("cannot connect: {cause}{}", hint(&cause)))
        } else {
            (Kind::Unavailable, format!("the connection was lost: {cause}{}", hint(&cause)))
        };
        let tls = is_of_tls(error) || is_cut_off(error);
        let lost = matches!(
            io_kind(error),
            None | Some(
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::NotConnected
            )
        );
        let election = !tls && lost && !error.is_timeout() && !error.is_builder() && !is_of_names(error);
        Self { error: Error::new(kind, message), elsewhere: true, untouched: unsent || tls, election }
    }
}

/// A connection that was there, and was cut off before it could be used: only TLS comes between.
fn is_cut_off(error: &reqwest::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    error.is_connect() && matches!(io_kind(error), Some(ConnectionReset | UnexpectedEof | BrokenPipe))
}

fn is_of_tls(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        let inside = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause.is::<rustls::Error>() || inside.is_some_and(<dyn StdError + Send + Sync>::is::<rustls::Error>)
    })
}

fn is_of_names(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| cause.to_string().contains("dns error"))
}

fn io_kind(error: &(dyn StdError + 'static)) -> Option<io::ErrorKind> {
    // The innermost one is the system's; those around it may say that it is of another kind.
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last().map(system_kind)
}

/// An I/O error that is wrapped in another is not among its sources.
fn system_kind(error: &io::Error) -> io::ErrorKind {
    let inside = error.get_ref().and_then(|inside| inside.downcast_ref::<io::Error>());
    inside.map_or_else(|| error.kind(), system_kind)
}

fn hint(cause: &str) -> String {
    tls::hint(cause).map(|hint| format!(" ({hint})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_said_is_found_however_it_is_wrapped() {
        let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
        for error in [reset(), io::Error::other(reset()), io::Error::other(io::Error::other(reset()))] {
            assert_eq!(io_kind(&error), Some(io::ErrorKind::ConnectionReset), "{error:?}");
        }
    }
}
