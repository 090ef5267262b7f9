//! What the fuzz targets call.

use crate::transport::endpoint::{Endpoint, Scheme};

/// An endpoint is read, and what it is printed as is the same endpoint.
pub fn endpoint(text: &str) {
    for scheme in [Scheme::Http, Scheme::Https] {
        match Endpoint::parse(text, scheme) {
            Ok(endpoint) => {
                let printed = endpoint.to_string();
                assert_eq!(Endpoint::parse(&printed, scheme).ok(), Some(endpoint.clone()));
                endpoint.url("/v2/keys").expect("an endpoint that is accepted is an address");
                assert!(!printed.contains('@'), "{printed}");
            }
            Err(error) => {
                let secret = text.split_once('@').and_then(|(before, _)| before.rsplit_once(':'));
                if let Some((_, password)) = secret.filter(|(_, password)| password.len() > 12) {
                    assert!(!error.to_string().contains(password), "{error}");
                }
            }
        }
    }
}
