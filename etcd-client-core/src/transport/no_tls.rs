//! What stands for TLS where the feature `tls` is off: the way to it, for whoever names an endpoint that needs it.

use std::error::Error as StdError;

use crate::Error;

/// There are no options.
#[derive(Clone, Debug)]
pub(crate) enum Tls {}

impl Tls {
    /// Does what takes long in making a connection.
    pub(crate) fn unlock(&self) -> std::future::Ready<()> {
        match *self {}
    }
}

/// What to say of a server that has hung up on a request without TLS, and speaks TLS.
pub(crate) const WANTED: &str = "the server speaks TLS: write https://, and turn on the feature `tls` of etcd-config or \
                                 etcd-client-core";

/// What to say of a server that has hung up in the handshake, and of one that wants a certificate: there is no
/// handshake.
pub(crate) const CUT_OFF: &str = WANTED;
pub(crate) const NOT_LET_IN: &str = WANTED;

/// The way out of a failed handshake.
pub(crate) fn hint(_: &str) -> Option<&'static str> {
    None
}

/// What TLS says in an error.
pub(crate) fn describe(_: &(dyn StdError + 'static)) -> Option<String> {
    None
}

/// Whether an error is of TLS.
#[cfg(feature = "v2")]
pub(crate) fn is_of_tls(_: &(dyn StdError + 'static)) -> bool {
    false
}

/// Refuses what is to be secured.
pub(crate) fn configure(
    builder: reqwest::ClientBuilder,
    _: Option<&Tls>,
    secure: bool,
    _: &[&[u8]],
) -> Result<reqwest::ClientBuilder, Error> {
    if secure {
        return Err(Error::invalid_input(
            "https:// needs the feature `tls`, which is off in this build: turn it on for the crate etcd-config or \
             etcd-client-core",
        ));
    }
    Ok(builder)
}
