//! Why a connection could not be made, or was lost: what reqwest's errors mean.

use std::error::Error as StdError;
use std::io;

use crate::transport::http::{causes, root_cause};
use crate::transport::tls;
use crate::{Error, Kind};

/// What is known of TLS on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsStage {
    /// It is not secured.
    None,
    /// It is to be secured, and nothing was answered on any such yet.
    New,
    /// Something was answered on one that is secured in the same way.
    Proven,
}

impl TlsStage {
    pub(crate) fn of(is_secure: bool, has_answered: bool) -> Self {
        match (is_secure, has_answered) {
            (false, _) => Self::None,
            (true, false) => Self::New,
            (true, true) => Self::Proven,
        }
    }
}

/// A request that was not answered because of its connection.
pub(crate) struct LostConnection<'e> {
    error: &'e reqwest::Error,
    /// In the words of the innermost error: the system's, TLS's, HTTP/2's.
    pub(crate) cause: String,
    /// Not one byte of the request was sent.
    pub(crate) unsent: bool,
}

impl<'e> LostConnection<'e> {
    pub(crate) fn of(error: &'e reqwest::Error) -> Self {
        Self { error, cause: root_cause(error), unsent: error.is_connect() || error.is_builder() }
    }

    pub(crate) fn kind(&self) -> Kind {
        if self.is_connect_timeout() { Kind::Timeout } else { Kind::Unavailable }
    }

    /// What has happened, and the way out, if it is known.
    pub(crate) fn message(&self, stage: TlsStage) -> String {
        let hint = match stage {
            TlsStage::None => None,
            _ if self.is_cut_off_in_tls() => Some(tls::CUT_OFF),
            TlsStage::New if self.is_turned_away() => tls::hint(&self.cause).or(Some(tls::NOT_LET_IN)),
            TlsStage::New | TlsStage::Proven => tls::hint(&self.cause),
        };
        let what = self.what();
        hint.map_or_else(|| what.clone(), |hint| format!("{what}; {hint}"))
    }

    /// The error for whoever made the call; its source is the system's, where that has said why.
    pub(crate) fn to_error(&self, stage: TlsStage) -> Error {
        let error = Error::new(self.kind(), self.message(stage));
        match io_error(self.error).and_then(io::Error::raw_os_error) {
            Some(code) => error.with_source(io::Error::from_raw_os_error(code)),
            None => error,
        }
    }

    fn what(&self) -> String {
        let cause = &self.cause;
        if self.is_connect_timeout() {
            "cannot connect: no answer within the connect limit".to_owned()
        } else if self.unsent {
            format!("cannot connect: {cause}")
        } else {
            format!("the connection was lost: {cause}")
        }
    }

    /// Whether the connection was there, and was cut off before it could be used: only TLS comes between.
    pub(crate) fn is_cut_off_in_tls(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
        self.error.is_connect()
            && matches!(io_kind(self.error), Some(ConnectionReset | UnexpectedEof | BrokenPipe))
    }

    /// With TLS 1.3 a client learns only after the handshake that it was not let in, and if it is still
    /// writing then, not even that: the connection is closed before anything was answered on it.
    fn is_turned_away(&self) -> bool {
        let signs = ["connection closed", "broken pipe", "reset by peer"];
        !self.unsent && signs.iter().any(|sign| self.cause.contains(sign))
    }

    /// Whether one side has not accepted the other's part of a TLS handshake.
    #[cfg(feature = "v2")]
    pub(crate) fn is_of_tls(&self) -> bool {
        causes(self.error).any(tls::is_of_tls)
    }

    /// Whether it may be that the server is being restarted.
    #[cfg(feature = "v2")]
    pub(crate) fn may_be_of_a_restart(&self) -> bool {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, NotConnected, UnexpectedEof,
        };
        let ends_the_connection = matches!(
            io_kind(self.error),
            None | Some(
                ConnectionRefused
                    | ConnectionReset
                    | ConnectionAborted
                    | BrokenPipe
                    | UnexpectedEof
                    | NotConnected
            )
        );
        let is_of_names = || causes(self.error).any(|cause| cause.to_string().contains("dns error"));
        ends_the_connection && !self.error.is_timeout() && !self.error.is_builder() && !is_of_names()
    }

    fn is_connect_timeout(&self) -> bool {
        self.unsent && self.error.is_timeout()
    }
}

fn io_kind(error: &(dyn StdError + 'static)) -> Option<io::ErrorKind> {
    io_error(error).map(io::Error::kind)
}

/// The system's error.
fn io_error<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e io::Error> {
    // The innermost one is the system's; those around it may say that it is of another kind.
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last().map(innermost)
}

/// An I/O error that is wrapped in another is not among its sources.
fn innermost(error: &io::Error) -> &io::Error {
    let inside = error.get_ref().and_then(|inside| inside.downcast_ref::<io::Error>());
    inside.map_or(error, innermost)
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
