//! The guide: pages on running a service with its configuration in etcd, one topic each. There is nothing here to call.
//!
//! Which page answers which question is on the [front page](crate#the-guide).

#[doc = include_str!("docs/first_five_minutes.md")]
pub mod first_five_minutes {}

#[doc = include_str!("docs/naming_keys.md")]
pub mod naming_keys {}

#[doc = include_str!("docs/resources.md")]
pub mod resources {}

#[doc = include_str!("docs/tls_and_users.md")]
pub mod tls_and_users {}

#[doc = include_str!("docs/probes.md")]
pub mod probes {}

#[doc = include_str!("docs/metrics_and_alerts.md")]
pub mod metrics_and_alerts {}

#[doc = include_str!("docs/rolling_upgrades.md")]
pub mod rolling_upgrades {}

#[doc = include_str!("docs/rollouts.md")]
pub mod rollouts {}

#[doc = include_str!("docs/command_line.md")]
pub mod command_line {}

#[doc = include_str!("docs/testing.md")]
pub mod testing {}

#[doc = include_str!("docs/limits_and_tuning.md")]
pub mod limits_and_tuning {}

#[doc = include_str!("docs/what_happens_when.md")]
pub mod what_happens_when {}

#[doc = include_str!("docs/moving.md")]
pub mod moving {}
