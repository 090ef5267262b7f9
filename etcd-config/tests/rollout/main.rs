//! Rollouts over a store in memory, under paused time.

mod commit_key;
mod ending;
mod interrupted;
mod limits;
mod operator_store;
mod operators;
mod refused;
mod world;
