//! Who hears of what happens: callbacks and streams, in order, on threads of their own.

pub(crate) mod callbacks;
pub(crate) mod follower;
pub(crate) mod notice;
pub(crate) mod projected;
pub(crate) mod stream;
