//! What is worth a line in the log, and what it looks like there.

pub(crate) mod one_line;
pub(crate) mod outage;
