//! What a client was built from; enough to build another.

use std::time::Duration;

use crate::Proxy;
use crate::endpoint::Endpoint;
use crate::http::HttpOptions;

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) http: HttpOptions,
    pub(super) proxy: Option<Proxy>,
    pub(super) timeout: Duration,
    pub(super) max_retries: u32,
    pub(super) receive_limit: usize,
}
