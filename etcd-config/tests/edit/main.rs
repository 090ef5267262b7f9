//! What is written through an edit, over a store in memory.

mod checks;
mod commits;
mod contention;
mod encoding;
mod faults;
mod fields;
mod history;
mod hostile;
mod layers;
mod plans;
mod readme;
mod restore;
mod simulation;
mod troubled;
