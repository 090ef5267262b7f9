//! Whether the store holds something newer than what readers see, and why they do not see it.

use std::time::SystemTime;

/// What is known of the store and not published. The publisher decides; everyone else asks the status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Outstanding {
    /// The published values are what the store holds.
    #[default]
    Nothing,
    /// Newer values wait for the commit key to be written.
    Uncommitted,
    /// Newer values are about to be tried: at once, or when the debounce interval has passed.
    Untried {
        /// Since when the values tried before these are refused, if they are.
        refused_since: Option<SystemTime>,
    },
    /// Newer values were tried and refused. This stays while others wait for the commit key.
    Refused { since: SystemTime },
}

impl Outstanding {
    pub(crate) fn is_nothing(self) -> bool {
        self == Self::Nothing
    }

    pub(crate) fn is_untried(self) -> bool {
        matches!(self, Self::Untried { .. })
    }

    /// Since when the newest values that were tried are refused.
    pub(crate) fn refused_since(self) -> Option<SystemTime> {
        match self {
            Self::Nothing | Self::Uncommitted => None,
            Self::Untried { refused_since } => refused_since,
            Self::Refused { since } => Some(since),
        }
    }

    /// Something has changed that may make a difference to what is published.
    #[must_use]
    pub(crate) fn changed(self) -> Self {
        if self.is_nothing() { Self::Uncommitted } else { self }
    }

    /// What is outstanding, if anything, is to be tried.
    #[must_use]
    pub(crate) fn to_be_tried(self) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            other => Self::Untried { refused_since: other.refused_since() },
        }
    }

    /// The newest values were tried and refused.
    #[must_use]
    pub(crate) fn refused(self) -> Self {
        Self::Refused { since: self.refused_since().unwrap_or_else(SystemTime::now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_lasts_until_values_are_published() {
        let refused = Outstanding::Nothing.changed().to_be_tried().refused();
        let since = refused.refused_since();
        assert!(since.is_some() && !refused.is_untried() && !refused.is_nothing());
        assert_eq!(refused.changed(), refused, "further changes are not committed");
        let again = refused.to_be_tried();
        assert_eq!((again.is_untried(), again.refused_since()), (true, since));
        assert_eq!(again.refused(), refused, "since the first refusal");
    }

    #[test]
    fn what_is_not_committed_is_not_refused() {
        let uncommitted = Outstanding::Nothing.changed();
        assert_eq!(uncommitted, Outstanding::Uncommitted);
        assert_eq!((uncommitted.refused_since(), uncommitted.is_untried()), (None, false));
        assert_eq!(Outstanding::Nothing.to_be_tried(), Outstanding::Nothing);
    }
}
