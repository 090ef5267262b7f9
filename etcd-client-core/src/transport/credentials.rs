//! A user and a password.

use std::fmt;

use crate::{Error, Kind};

/// A user and a password. `Debug` does not show the password.
///
/// For a password that does not change, [`ClientBuilder::user`](crate::v3::ClientBuilder::user) is enough. This is
/// what a provider returns, for passwords that do:
/// [`ClientBuilder::credentials`](crate::v3::ClientBuilder::credentials). Only the v3 client has one; to change the
/// password of a v2 client, call [`set_credentials`](crate::v2::Client::set_credentials).
///
/// ```
/// use etcd_client_core::Credentials;
///
/// let credentials = Credentials::new("payments", "hunter2");
/// assert_eq!(credentials.user(), "payments");
/// assert!(!format!("{credentials:?}").contains("hunter2"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// A user, by name, and its password. An empty name is refused by who is given it.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    /// The user's name.
    pub fn user(&self) -> &str {
        &self.user
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// Refuses a name that no user can have.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.user.is_empty() {
            return Err(Error::new(Kind::InvalidInput, "the user's name is empty"));
        }
        Ok(())
    }

    /// Refuses, besides, a name with a colon: in basic authentication a colon ends the name.
    #[cfg(feature = "v2")]
    pub(crate) fn check_for_basic(&self) -> Result<(), Error> {
        if self.user.is_empty() || self.user.contains(':') {
            let why = "the user's name is empty or has a colon, which basic authentication cannot";
            return Err(Error::new(Kind::InvalidInput, why));
        }
        Ok(())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?}, •••)", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_shown() {
        let shown = format!("{:?}", Credentials::new("root", "hunter2"));
        assert!(shown.contains("root") && !shown.contains("hunter2"));
    }
}
