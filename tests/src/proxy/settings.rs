//! The positions of a proxy's switches.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::answer::Answer;

/// In which pieces a [`Proxy`](crate::Proxy) passes data on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chunks {
    /// As it is read.
    #[default]
    AsTheyCome,
    /// One byte at a time.
    SingleBytes,
    /// All that came within this time together.
    Glued(Duration),
    /// So many bytes at a time, and then this pause: a slow link.
    Paced(usize, Duration),
}

/// For what there are two of, requests come first, then replies.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) backend: String,
    pub(super) admission: Admission,
    /// The member of a cluster that is not let through.
    pub(super) barred: Option<Arc<str>>,
    pub(super) hold: [bool; 2],
    pub(super) delay: [Duration; 2],
    pub(super) chunks: Chunks,
    pub(super) idle_limit: Option<Duration>,
    pub(super) reply_budget: Option<Arc<AtomicU64>>,
    /// How many requests of HTTP/1.1 were passed on.
    pub(super) requests: Arc<AtomicU64>,
    /// How many more frames with events are to be lost.
    pub(super) lost_frames: Arc<AtomicU64>,
    pub(super) ends: u64,
    pub(super) cuts: u64,
    pub(super) resets: u64,
    pub(super) stop: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Admission {
    Accept,
    Refuse,
    TurnAway,
    Answer(Answer),
}

impl Settings {
    pub(super) fn new(backend: &str) -> Self {
        Self {
            backend: backend.to_owned(),
            admission: Admission::Accept,
            barred: None,
            hold: [false; 2],
            delay: [Duration::ZERO; 2],
            chunks: Chunks::AsTheyCome,
            idle_limit: None,
            reply_budget: None,
            requests: Arc::default(),
            lost_frames: Arc::default(),
            ends: 0,
            cuts: 0,
            resets: 0,
            stop: false,
        }
    }
}
