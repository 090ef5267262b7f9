//! Rollouts over a store in memory, under paused time.

mod ending;
mod interrupted;
mod refused;
mod world;
