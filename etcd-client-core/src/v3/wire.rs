//! The v3 API as bytes: messages, and what a server may claim in them.

pub(in crate::v3) mod any_method;
pub(in crate::v3) mod claims;
pub(in crate::v3) mod element_limit;
pub(in crate::v3) mod key_range;
pub(in crate::v3) mod messages;
pub(in crate::v3) mod method;
mod range_answer;
pub(in crate::v3) mod response;
pub(in crate::v3) mod token;
