//! What is written through an edit, over a store in memory.

mod checks;
mod commits;
mod encoding;
mod faults;
mod fields;
mod plans;
mod readme;
