//! What stands for a proxy where there is no client that can have one: the feature `v2` is off.

/// There is none.
#[derive(Clone, Debug)]
pub(crate) enum Proxy {}

impl Proxy {
    /// Has connections made so.
    pub(crate) fn configure(&self, _: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        match *self {}
    }
}
