//! Runnable programs, one for each capability: see the files beside this one. They share the
//! settings of a payment service.

mod settings;

pub use settings::{Database, Limits, Settings, Upstream};
