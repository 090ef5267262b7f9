//! What both clients are built on: endpoints, connections, TLS, and the order in which endpoints are asked.

pub(crate) mod activity;
pub(crate) mod addresses;
pub(crate) mod all_failed;
pub(crate) mod credentials;
pub(crate) mod endpoint;
pub(crate) mod endpoint_client;
pub(crate) mod endpoint_order;
pub(crate) mod endpoints;
pub(crate) mod environment;
pub(crate) mod greeting;
pub(crate) mod http;
pub(crate) mod keys_in_other_api;
pub(crate) mod lost_connection;
#[cfg(not(feature = "v2"))]
pub(crate) mod no_proxy;
#[cfg(not(feature = "tls"))]
pub(crate) mod no_tls;
pub(crate) mod not_etcd;
pub(crate) mod preference;
#[cfg(feature = "v2")]
pub(crate) mod proxy;
pub(crate) mod race;
pub(crate) mod record;
pub(crate) mod round;
pub(crate) mod settings;
#[cfg(feature = "tls")]
pub(crate) mod tls;

#[cfg(not(feature = "v2"))]
pub(crate) use self::no_proxy as proxy;
#[cfg(not(feature = "tls"))]
pub(crate) use self::no_tls as tls;
