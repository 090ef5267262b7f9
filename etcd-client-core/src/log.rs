//! What is logged, and in what form.

pub(crate) mod one_line;
pub(crate) mod outage;
