//! A token, as a header carries it.

use http::HeaderValue;

use crate::{Error, Kind};

/// As it is sent along with calls.
pub(in crate::v3) fn to_header(token: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(token)
        .map_err(|_| Error::new(Kind::Protocol, "the server's token cannot be sent in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}
