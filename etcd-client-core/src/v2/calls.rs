//! The calls: what each sends, and what its answer means.

pub(in crate::v2) mod abort;
pub(in crate::v2) mod call;
pub(in crate::v2) mod cluster;
pub(in crate::v2) mod condition;
pub(in crate::v2) mod delete;
pub(in crate::v2) mod directory;
pub(in crate::v2) mod get;
pub(in crate::v2) mod raw;
pub(in crate::v2) mod set;
pub(in crate::v2) mod ttl;
