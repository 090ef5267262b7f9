//! Keeps the board current while somebody reads it: on a thread of its own, so that a large table holds up no request.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::board::Board;
use super::parts::{Scene, parts};
use super::record::Record;
use crate::live::view::View;
use crate::runtime::panics;

/// How often it is looked whether anything has changed.
const PAUSE: Duration = Duration::from_millis(200);
/// What takes long is done more rarely, so that it costs a tenth of a core at most.
const SHARE: u32 = 9;
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Renders until nobody reads, or nothing follows the store any more.
pub(super) struct Renderer {
    view: View,
    record: Arc<Record>,
    board: Arc<Board>,
}

impl Renderer {
    /// Starts the thread; false if the system has none.
    pub(super) fn start(view: View, record: Arc<Record>, board: Arc<Board>) -> bool {
        let renderer = Self { view, record, board };
        let thread = thread::Builder::new().name("etcd-config-page".to_owned());
        thread.spawn(move || renderer.render_on()).is_ok()
    }

    fn render_on(&self) {
        let mut rendered = None;
        let mut beat = Instant::now();
        while !self.board.clear_if_deserted() {
            // In this order: what comes after the look is rendered the next time.
            let is_last = self.view.is_stopped();
            let now = (self.view.epoch(), self.record.count(), is_last);
            let begin = Instant::now();
            if rendered != Some(now) {
                self.render();
                rendered = Some(now);
            }
            if is_last {
                return self.board.end();
            }
            if beat.elapsed() >= HEARTBEAT {
                beat = Instant::now();
                self.board.heartbeat();
            }
            thread::sleep(PAUSE.max(begin.elapsed() * SHARE));
        }
    }

    fn render(&self) {
        // The store, whose endpoints are asked for, may be the user's own.
        match panics::caught(|| parts(&Scene::of(&self.view, &self.record))) {
            Ok(parts) => self.board.post(parts),
            Err(_) => panics::log(|| tracing::error!("rendering the page panicked; it is tried again")),
        }
    }
}
