//! What the derive makes of keys: values, updates and problems. No store and no watch is needed.

#![allow(clippy::trivially_copy_pass_by_ref, reason = "checks take what they check by reference")]

#[path = "derive/keys.rs"]
mod keys;

#[path = "derive/hygiene.rs"]
mod hygiene;

#[path = "derive/payments.rs"]
mod payments;

#[path = "derive/leaves.rs"]
mod leaves;

#[path = "derive/schema.rs"]
mod schema;

#[path = "derive/attributes.rs"]
mod attributes;

#[path = "derive/shapes.rs"]
mod shapes;

#[path = "derive/checks.rs"]
mod checks;

#[path = "derive/defaults.rs"]
mod defaults;

#[path = "derive/unknown.rs"]
mod unknown;

#[path = "derive/random.rs"]
mod random;

#[path = "derive/tree.rs"]
mod tree;

#[path = "derive/mistakes.rs"]
mod mistakes;
