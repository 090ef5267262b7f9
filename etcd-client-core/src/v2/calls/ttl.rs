//! The time to live of a key, as a field of a request.

use std::time::Duration;

use crate::Error;

/// How long a key lives.
#[derive(Clone, Copy, Debug)]
pub(in crate::v2) enum Ttl {
    For(Duration),
    Ever,
}

impl Ttl {
    pub(in crate::v2) fn field(self, key: &str) -> Result<(&'static str, String), Error> {
        let Self::For(ttl) = self else { return Ok(("ttl", String::new())) };
        if ttl.subsec_nanos() != 0 {
            return Err(Error::invalid_input(format!(
                "{key}: a time to live is a number of whole seconds, not {ttl:?}"
            )));
        }
        if ttl.is_zero() {
            return Err(Error::invalid_input(format!(
                "{key}: with a time to live of 0 the key would expire at once; for one without end use \
                 without_ttl(), to delete it use delete()"
            )));
        }
        // Larger ones overflow in the server.
        if ttl.as_secs() > u64::from(u32::MAX) {
            return Err(Error::invalid_input(format!(
                "{key}: a time to live of {} s is too long",
                ttl.as_secs()
            )));
        }
        Ok(("ttl", ttl.as_secs().to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_whole_seconds_and_not_none() {
        let field = |ttl| Ttl::For(ttl).field("k").map(|(_, text)| text).map_err(|error| error.to_string());
        assert_eq!(field(Duration::from_secs(7)).unwrap(), "7");
        assert!(field(Duration::from_millis(1500)).unwrap_err().contains("whole seconds"));
        assert!(field(Duration::ZERO).unwrap_err().contains("without_ttl()"));
        assert!(field(Duration::from_secs(u64::MAX)).unwrap_err().contains("too long"));
    }
}
