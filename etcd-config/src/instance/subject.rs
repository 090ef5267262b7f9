//! What an instance says something of.

use crate::problem::Problem;
use crate::publish::keys::Keys;
use crate::status::cell::StatusCell;

/// The configuration that an instance has.
pub(crate) trait Subject: Send + Sync {
    fn status_cell(&self) -> &StatusCell;
    fn keys(&self) -> &Keys;
    /// Has callbacks called for a new warning.
    fn announce(&self, warning: Problem);
}
