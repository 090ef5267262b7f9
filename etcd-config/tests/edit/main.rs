//! What is written through an edit, over a store in memory.

mod checks;
mod commits;
mod contention;
mod encoding;
mod faults;
mod fields;
mod plans;
mod readme;
mod simulation;
mod troubled;
