//! Runnable programs, one for each capability: see the files beside this one. They share the
//! settings of a payment service.

mod payment_settings;

pub use payment_settings::{Database, Limits, Settings, Upstream};
