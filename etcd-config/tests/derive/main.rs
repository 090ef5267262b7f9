//! What the derive makes of keys: values, updates and problems. No store and no watch is needed.

#![allow(clippy::trivially_copy_pass_by_ref, reason = "checks take what they check by reference")]

mod keys;

mod hygiene;

mod payments;

mod leaves;

#[cfg(feature = "schemars")]
mod json_types;

mod schema;

mod attributes;

mod shapes;

mod checks;

mod defaults;

mod unknown;

mod random;

mod tree;

mod layers;

mod mistakes;
