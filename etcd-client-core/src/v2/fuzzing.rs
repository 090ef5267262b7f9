//! What the fuzz targets call.

use http::{HeaderMap, StatusCode};

use super::store;
use crate::Prefix;
use crate::v2::net::refusal::Refusal;
use crate::v2::wire::headers::Headers;
use crate::v2::wire::response::{Answer, parse};

/// A reply, from whatever bytes.
pub fn reply(status: u16, body: &[u8]) {
    if let Ok(answer) = parse::<Answer>(body) {
        for prefix in ["", "/", "/app", "app"] {
            store::fuzz(&Prefix::new(prefix), &answer);
        }
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let failure = Refusal::read(&Headers::new(status, HeaderMap::new()), body).into_failure();
    assert!(!failure.error.to_string().is_empty());
}
