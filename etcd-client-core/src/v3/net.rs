//! Calls to the endpoints of a cluster, one after the other, with their connections and tokens.

pub(in crate::v3) mod auth;
mod call;
pub(in crate::v3) mod connections;
pub(in crate::v3) mod endpoint_client;
pub(in crate::v3) mod failure;
pub(in crate::v3) mod grpc_channel;
mod idle_connection;
pub(in crate::v3) mod login;
mod method_urls;
mod not_grpc;
pub(in crate::v3) mod pool;
pub(in crate::v3) mod round;
pub(in crate::v3) mod unary;
