//! The addresses of the methods that are called at an endpoint. One is parsed when it is called first: to parse it takes
//! longer than most of what a call does.

use reqwest::Url;

use crate::Error;
use crate::transport::endpoint::Endpoint;

/// The address of each method that has been called.
#[derive(Debug, Default)]
pub(in crate::v3) struct MethodUrls(Vec<(&'static str, Url)>);

impl MethodUrls {
    /// The address of the method with this path at the endpoint, which is the same each time.
    pub(in crate::v3) fn at(&mut self, endpoint: &Endpoint, path: &'static str) -> Result<Url, Error> {
        if let Some((_, url)) = self.0.iter().find(|(called, _)| *called == path) {
            return Ok(url.clone());
        }
        let url = endpoint.url(path)?;
        self.0.push((path, url.clone()));
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::endpoint::Scheme;

    #[test]
    fn each_method_has_its_address_however_often_it_is_called() {
        let endpoint = Endpoint::parse("https://proxy:80/etcd/", Scheme::Http).unwrap();
        let mut urls = MethodUrls::default();
        for path in ["/kv/Range", "/kv/Put", "/kv/Range", "/kv/Put", "/kv/Range"] {
            let url = urls.at(&endpoint, path).unwrap();
            assert_eq!(url.as_str(), format!("https://proxy:80/etcd{path}"));
        }
        assert_eq!(urls.0.len(), 2);
    }
}
