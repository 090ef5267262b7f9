//! Instances that say how they stand, and who looks at them: over a store in memory, under paused time.

mod ending;
mod looking;
mod names;
mod settings;
mod troubles;
mod waiting;
mod writing;
