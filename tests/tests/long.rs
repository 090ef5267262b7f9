//! Promises that take a minute, or the whole machine, to be seen kept.

#[path = "long/load.rs"]
mod load;
#[path = "long/refusal.rs"]
mod refusal;
