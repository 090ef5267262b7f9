//! The calls: what each sends, and what its answer means.

pub(in crate::v3) mod cluster;
pub(in crate::v3) mod kv;
pub(in crate::v3) mod lease;
pub(in crate::v3) mod txn;
