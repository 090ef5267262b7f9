//! Requests to the endpoints of a cluster, one after the other, and what each of them answers.

pub(in crate::v2) mod endpoint_client;
pub(in crate::v2) mod failure;
mod not_v2;
pub(in crate::v2) mod pool;
pub(in crate::v2) mod redirect;
pub(in crate::v2) mod refusal;
pub(in crate::v2) mod reply;
