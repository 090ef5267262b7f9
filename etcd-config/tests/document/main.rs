//! Whole configurations as texts, over a store in memory.

mod bounds;
mod by_hand;
mod exports;
mod hostile;
mod names;
mod refused;
mod round_trips;
mod settings;
