//! A bucket of tokens: each request takes one, and so many come back each second.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::settings::Limits;

/// How many tokens there were, and when that was.
pub(crate) struct Limiter(Mutex<(f64, Instant)>);

impl Limiter {
    pub(crate) fn full() -> Self {
        Self(Mutex::new((f64::INFINITY, Instant::now())))
    }

    /// Whether one more is let through, by the limits of now.
    pub(crate) fn admits(&self, limits: &Limits) -> bool {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, since) = *bucket;
        let fresh = since.elapsed().as_secs_f64() * f64::from(limits.per_second);
        let tokens = (tokens + fresh).min(limits.burst.into());
        let admits = tokens >= 1.0;
        *bucket = (if admits { tokens - 1.0 } else { tokens }, Instant::now());
        admits
    }
}
