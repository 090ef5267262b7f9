//! What the fuzz targets call.

use http::{HeaderMap, StatusCode};

use super::headers::Headers;
use super::refusal::Refusal;
use super::response::{Answer, parse};
use super::store;
use crate::Prefix;

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
