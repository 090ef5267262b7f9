//! Pages on running a service with its configuration in etcd. There is nothing here to call.

#[doc = include_str!("docs/probes.md")]
pub mod probes {}
