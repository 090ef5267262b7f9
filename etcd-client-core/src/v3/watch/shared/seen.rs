//! What the reader has seen of a stream, for its watches and for those who look for a stream.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::v3::net::connections::StreamSlot;

#[derive(Debug, Default)]
pub(super) struct Seen {
    frames: AtomicU64,
    pieces: AtomicU64,
    head: AtomicU64,
    unanswered: AtomicU64,
    catches_up: AtomicBool,
    is_closed: AtomicBool,
    is_token_doubted: AtomicBool,
    is_sole: AtomicBool,
    slot: OnceLock<Arc<StreamSlot>>,
}

impl Seen {
    pub(super) fn new(catches_up: bool) -> Self {
        Self { catches_up: catches_up.into(), ..Self::default() }
    }

    /// The stream was opened; see [`is_sole`](Self::is_sole).
    pub(super) fn note_opened(&self, slot: &Arc<StreamSlot>, is_sole: bool) {
        let _ = self.slot.set(Arc::clone(slot));
        self.is_sole.store(is_sole, Ordering::Relaxed);
    }

    /// A frame has come, after which this is the newest revision of the store.
    pub(super) fn note_frame(&self, head: u64) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.head.store(head, Ordering::Relaxed);
    }

    /// A part of the next frame has come.
    pub(super) fn note_piece(&self) {
        self.pieces.fetch_add(1, Ordering::Relaxed);
    }

    /// So many requests for progress may still be answered.
    pub(super) fn note_unanswered(&self, requests: u64) {
        self.unanswered.store(requests, Ordering::Relaxed);
    }

    /// A request for progress was answered: no watch lags.
    pub(super) fn note_answer(&self) {
        self.catches_up.store(false, Ordering::Relaxed);
    }

    /// The stream is over, or was not opened.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// A watch was refused, and the stream's token may be the reason; or it is known that it was not.
    pub(super) fn doubt_token(&self, is_doubted: bool) {
        self.is_token_doubted.store(is_doubted, Ordering::Relaxed);
    }

    /// Where the stream is, once it is open.
    pub(super) fn slot(&self) -> Option<&Arc<StreamSlot>> {
        self.slot.get()
    }

    /// How many frames have come.
    pub(super) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// How often a part of the next frame has come.
    pub(super) fn pieces(&self) -> u64 {
        self.pieces.load(Ordering::Relaxed)
    }

    /// The newest revision of the store, 0 if none is known.
    pub(super) fn head(&self) -> u64 {
        self.head.load(Ordering::Relaxed)
    }

    /// Requests for progress that may still be answered.
    pub(super) fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// It takes watches with a long history to replay, and only those.
    pub(super) fn catches_up(&self) -> bool {
        self.catches_up.load(Ordering::Relaxed)
    }

    /// No further watch may be begun on it.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed) || self.is_sole()
    }

    /// The stream's token may be why further watches would be refused, so another token may do better.
    pub(super) fn is_token_doubted(&self) -> bool {
        self.is_token_doubted.load(Ordering::Relaxed)
    }

    /// Its server chooses the ids of watches itself, as etcd's gRPC proxy does, which confirms them in any order. So each
    /// stream of it has one watch.
    pub(super) fn is_sole(&self) -> bool {
        self.is_sole.load(Ordering::Relaxed)
    }
}
