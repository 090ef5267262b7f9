//! What is odd about the keys that are there: unknown ones, misspelt ones, and the hints for them.

pub(crate) mod absent;
pub(crate) mod findings;
pub(crate) mod hints;
pub(crate) mod placement;
pub(crate) mod quiet;
pub(crate) mod refused;
pub(crate) mod warnings;
