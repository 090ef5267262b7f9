//! How the configuration stands in the fleet, where it is to be listed there.

use crate::problem::Problem;

/// What the keeper of the instance's key says of itself.
#[derive(Debug, Default)]
pub(crate) struct InFleet {
    /// The name that it has there, while it has one.
    pub(crate) name: Option<String>,
    /// What keeps it from being listed, or listed under its name, or as it is.
    pub(crate) warning: Option<Problem>,
    /// Nothing of it is left in the store, as far as that could be brought about.
    pub(crate) has_left: bool,
}
