//! A token, as a header carries it.

use tonic::metadata::{Ascii, MetadataValue};

use crate::{Error, Kind};

/// As it is sent along with calls.
pub(in crate::v3) fn to_metadata(token: &str) -> Result<MetadataValue<Ascii>, Error> {
    let mut value = MetadataValue::try_from(token)
        .map_err(|_| Error::new(Kind::Protocol, "the server's token cannot be sent in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}
