//! The conditions of a write.

use std::fmt;

use crate::Error;
use crate::printable::Length;

/// The conditions of a write; `None` for those that were not given.
#[derive(Clone, Default)]
pub(in crate::v2) struct Condition {
    pub(in crate::v2) value: Option<String>,
    pub(in crate::v2) index: Option<u64>,
    pub(in crate::v2) exist: Option<bool>,
}

impl Condition {
    pub(in crate::v2) fn is_empty(&self) -> bool {
        self.value.is_none() && self.index.is_none() && self.exist.is_none()
    }

    /// The flags of the request. Conditions that a server would ignore are an error.
    pub(in crate::v2) fn flags(&self, key: &str) -> Result<Vec<(&'static str, String)>, Error> {
        if self.index == Some(0) {
            return Err(Error::invalid_input(format!(
                "{key}: comparing with index 0 would write unconditionally; for a key that must not exist use \
                 prev_exist(false)"
            )));
        }
        if self.value.as_deref() == Some("") {
            return Err(Error::invalid_input(format!(
                "{key}: etcd cannot compare with an empty value; compare by index with prev_index()"
            )));
        }
        if self.exist == Some(false) && (self.value.is_some() || self.index.is_some()) {
            return Err(Error::invalid_input(format!(
                "{key}: a key that must not exist has no value and no index to compare with, and etcd would \
                 ignore them; leave out prev_exist(false), or the others"
            )));
        }
        let mut flags = Vec::new();
        flags.extend(self.exist.map(|exist| ("prevExist", exist.to_string())));
        flags.extend(self.index.map(|index| ("prevIndex", index.to_string())));
        flags.extend(self.value.clone().map(|value| ("prevValue", value)));
        Ok(flags)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Condition");
        out.field("value", &self.value.as_ref().map(Length::of));
        out.field("index", &self.index).field("exist", &self.exist).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_no_condition_is_refused_with_the_way_out() {
        let refusal = |condition: Condition| condition.flags("k").unwrap_err().to_string();
        let empty = Condition::default;
        assert!(refusal(Condition { index: Some(0), ..empty() }).contains("prev_exist(false)"));
        assert!(refusal(Condition { value: Some(String::new()), ..empty() }).contains("prev_index()"));
        let mixed = Condition { value: Some("v".into()), exist: Some(false), index: None };
        assert!(refusal(mixed).contains("leave out"));
        let both = Condition { value: Some("v".into()), index: Some(3), exist: Some(true) };
        assert_eq!(both.flags("k").unwrap().len(), 3);
    }
}
