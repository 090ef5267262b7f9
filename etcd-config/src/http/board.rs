//! What all open event streams show: the newest state of each part of the page, rendered once for all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::parts::Part;
use crate::runtime::panics;
use crate::runtime::process::Process;

/// A comment, by which a proxy or a browser sees that the connection is alive, and an event, by which the page does.
const HEARTBEAT: &[u8] = b": heartbeat\nevent: alive\ndata:\n\n";

/// The board, and who reads it. There is no queue: a part that is posted again takes the place of its older state, so a
/// slow reader costs no memory, and gets the newest state.
pub(super) struct Board {
    state: Mutex<Posted>,
    most: usize,
    process: Process,
}

struct Posted {
    parts: Vec<PostedPart>,
    /// Counts what was posted.
    posts: u64,
    heartbeats: u64,
    readers: BTreeMap<u64, Option<Waker>>,
    /// Counts the readers there have been.
    came: u64,
    has_renderer: bool,
    /// Nothing is posted any more.
    is_ended: bool,
}

struct PostedPart {
    part: Part,
    event: Bytes,
    number: u64,
}

/// An event stream's place at the board, which is free again when it is dropped.
pub(super) struct Reader {
    board: Arc<Board>,
    id: u64,
    /// The number of the last part that was sent.
    sent: u64,
    heartbeats: u64,
}

/// Why there is no place at the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    Full,
    Ended,
}

impl Board {
    /// A board for at most `most` readers.
    pub(super) fn new(most: usize) -> Arc<Self> {
        let state = Posted {
            parts: Vec::new(),
            posts: 0,
            heartbeats: 0,
            readers: BTreeMap::new(),
            came: 0,
            has_renderer: false,
            is_ended: false,
        };
        Arc::new(Self { state: Mutex::new(state), most, process: Process::this() })
    }

    /// A place for one more reader, and whether the board needs a renderer now.
    pub(super) fn open(self: &Arc<Self>) -> Result<(Reader, bool), NoPlace> {
        if !self.process.is_this() {
            // In the child of a `fork` the lock may be held for ever.
            return Err(NoPlace::Ended);
        }
        let mut state = self.lock();
        if state.is_ended {
            return Err(NoPlace::Ended);
        }
        if state.readers.len() >= self.most {
            return Err(NoPlace::Full);
        }
        state.came += 1;
        let id = state.came;
        state.readers.insert(id, None);
        let needs_renderer = !std::mem::replace(&mut state.has_renderer, true);
        let reader = Reader { board: Arc::clone(self), id, sent: 0, heartbeats: state.heartbeats };
        Ok((reader, needs_renderer))
    }

    /// Posts what has changed.
    pub(super) fn post(&self, parts: Vec<Part>) {
        self.update(|state| parts.into_iter().for_each(|part| state.post(part)));
    }

    pub(super) fn heartbeat(&self) {
        self.update(|state| state.heartbeats += 1);
    }

    /// Readers get what was posted last, and then their end.
    pub(super) fn end(&self) {
        self.update(|state| {
            state.is_ended = true;
            state.has_renderer = false;
        });
    }

    /// If nobody reads, the renderer goes, and leaves nothing there that would grow old; whether that is so.
    pub(super) fn clear_if_deserted(&self) -> bool {
        let mut state = self.lock();
        let is_deserted = state.readers.is_empty();
        if is_deserted {
            state.parts.clear();
            state.has_renderer = false;
        }
        is_deserted
    }

    /// There is no renderer after all.
    pub(super) fn give_renderer_up(&self) {
        self.lock().has_renderer = false;
    }

    /// Wakes the readers when the lock is released: wakers are the code of others.
    fn update(&self, change: impl FnOnce(&mut Posted)) {
        let wakers: Vec<Waker> = {
            let mut state = self.lock();
            change(&mut state);
            state.readers.values_mut().filter_map(Option::take).collect()
        };
        for waker in wakers {
            if panics::caught(|| waker.wake()).is_err() {
                panics::log(|| {
                    tracing::error!("the waker of an event stream panicked; the others are woken");
                });
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Posted> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Posted {
    fn post(&mut self, part: Part) {
        let place = self.parts.iter().position(|posted| posted.part.name == part.name);
        if place.is_some_and(|place| self.parts[place].part.html == part.html) {
            return;
        }
        self.posts += 1;
        let posted = PostedPart { event: event(&part), part, number: self.posts };
        match place {
            Some(place) => self.parts[place] = posted,
            None => self.parts.push(posted),
        }
    }
}

impl Reader {
    /// The next event, or the end.
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        if !self.board.process.is_this() {
            return Poll::Ready(None);
        }
        let mut state = self.board.lock();
        let unread = state.parts.iter().filter(|posted| posted.number > self.sent);
        if let Some(next) = unread.min_by_key(|posted| posted.number) {
            self.sent = next.number;
            return Poll::Ready(Some(next.event.clone()));
        }
        if state.is_ended {
            return Poll::Ready(None);
        }
        if state.heartbeats != self.heartbeats {
            self.heartbeats = state.heartbeats;
            return Poll::Ready(Some(Bytes::from_static(HEARTBEAT)));
        }
        let before = state.readers.insert(self.id, Some(cx.waker().clone()));
        drop(state);
        // That of the last poll; dropping it is the code of others.
        drop(before);
        Poll::Pending
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if self.board.process.is_this() {
            let waker = self.board.lock().readers.remove(&self.id);
            drop(waker);
        }
    }
}

/// The part as a server-sent event: its name, and its markup in lines.
fn event(part: &Part) -> Bytes {
    let mut event = format!("event: {}\n", part.name);
    for line in part.html.split(['\n', '\r']) {
        event.extend(["data: ", line, "\n"]);
    }
    event.push('\n');
    event.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(html: &str) -> Part {
        Part { name: "part", html: html.to_owned() }
    }

    fn next(reader: &mut Reader) -> Option<String> {
        match reader.poll(&Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(event)) => Some(String::from_utf8(event.to_vec()).unwrap()),
            Poll::Ready(None) => Some("the end".to_owned()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_slow_reader_gets_the_newest_state_and_no_queue() {
        let board = Board::new(1);
        let (mut reader, needs_renderer) = board.open().ok().unwrap();
        assert!(needs_renderer);
        assert_eq!(next(&mut reader), None);
        for n in 0..100_000 {
            board.post(vec![part(&n.to_string())]);
            board.heartbeat();
        }
        assert_eq!(board.lock().parts.len(), 1);
        assert_eq!(next(&mut reader).unwrap(), "event: part\ndata: 99999\n\n");
        assert!(next(&mut reader).unwrap().starts_with(": heartbeat\n"));
        assert_eq!(next(&mut reader), None);
        board.post(vec![part("99999")]);
        assert_eq!(next(&mut reader), None, "nothing has changed");
        board.post(vec![part("two\nlines\rthree")]);
        board.end();
        assert_eq!(next(&mut reader).unwrap(), "event: part\ndata: two\ndata: lines\ndata: three\n\n");
        assert_eq!(next(&mut reader).unwrap(), "the end");
        drop(reader);
        assert_eq!(board.open().err(), Some(NoPlace::Ended));
    }

    #[test]
    fn a_place_is_free_again_when_its_reader_is_dropped() {
        let board = Board::new(2);
        let (one, needs_renderer) = board.open().ok().unwrap();
        let two = board.open().ok().unwrap();
        assert!(needs_renderer && !two.1);
        assert_eq!(board.open().err(), Some(NoPlace::Full));
        drop(two);
        assert!(board.open().is_ok());
        assert!(!board.clear_if_deserted());
        board.post(vec![part("old")]);
        drop(one);
        assert!(board.clear_if_deserted() && board.lock().parts.is_empty());
        assert!(board.open().ok().unwrap().1, "the next one needs a renderer");
    }
}
