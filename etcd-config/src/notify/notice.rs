//! What callbacks are called with.

use crate::problem::{Kind, Problem};
use crate::publish::change::AnyChange;
use crate::rejection::Rejection;
use crate::status::Status;

/// What callbacks are called with: one of these, or several if notices were merged.
pub(crate) struct Notice {
    pub(crate) change: Option<AnyChange>,
    pub(crate) rejection: Option<Rejection>,
    pub(crate) status: Option<Box<Status>>,
    pub(crate) warnings: Vec<Problem>,
    /// Notices are numbered in their order.
    pub(super) number: u64,
}

impl Notice {
    const NOTHING: Self =
        Self { change: None, rejection: None, status: None, warnings: Vec::new(), number: 0 };

    pub(crate) fn of_change(change: AnyChange) -> Self {
        Self { change: Some(change), ..Self::NOTHING }
    }

    pub(crate) fn of_rejection(rejection: Rejection) -> Self {
        Self { rejection: Some(rejection), ..Self::NOTHING }
    }

    pub(crate) fn of_status(status: Status) -> Self {
        Self { status: Some(Box::new(status)), ..Self::NOTHING }
    }

    pub(crate) fn of_warnings(warnings: Vec<Problem>) -> Self {
        Self { warnings, ..Self::NOTHING }
    }

    /// Merges the next notice: the change grows, the last rejection and the last status count, and no warning about an
    /// odd key is left out, as there are never many of these in the life of a configuration. Returns what is replaced.
    pub(super) fn extend(&mut self, next: Self) -> Replaced {
        self.number = self.number.max(next.number);
        match (&mut self.change, next.change) {
            (Some(change), Some(next)) => change.extend(&next),
            (change, next) => *change = change.take().or(next),
        }
        // Of each bad value of a `restart` field there is one; the newest is enough for a slow callback.
        let is_replaced = |old: &Problem| {
            old.kind == Kind::RestartRefused && next.warnings.iter().any(|new| new.key == old.key)
        };
        self.warnings.retain(|old| !is_replaced(old));
        self.warnings.extend(next.warnings);
        (replace(&mut self.rejection, next.rejection), replace(&mut self.status, next.status))
    }
}

/// To be dropped when no lock is held: that may be the user's code.
pub(super) type Replaced = (Option<Rejection>, Option<Box<Status>>);

fn replace<V>(held: &mut Option<V>, next: Option<V>) -> Option<V> {
    next.and_then(|next| held.replace(next))
}
