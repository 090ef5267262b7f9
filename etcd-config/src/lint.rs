//! What is odd about the keys that are there: unknown ones, misspelt ones, and the hints for them.

pub(crate) mod hints;
pub(crate) mod neighbours;
pub(crate) mod placement;
pub(crate) mod unknown;
pub(crate) mod warnings;
