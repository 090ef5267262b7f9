//! What is odd about the keys that are there: unknown ones, misspelt ones, and the hints for them.

pub(crate) mod absent;
pub(crate) mod all_ordinary;
pub(crate) mod findings;
pub(crate) mod nothing_read;
pub(crate) mod puts;
pub(crate) mod refused;
pub(crate) mod unread_key;
pub(crate) mod warnings;
