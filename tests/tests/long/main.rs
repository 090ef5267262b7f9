//! Promises that take a minute, or the whole machine, to be seen kept.

mod contention;
mod load;
mod refusal;
