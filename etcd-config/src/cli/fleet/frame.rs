//! What the screen shows of a fleet: how it stands as a whole, its instances, what has happened.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use etcd_client_core::OneLine;

use super::fleet_table::fleet_table;
use super::news::{between, summary};
use super::{no_longer_followed, nobody};
use crate::cli::exit::{Code, Failure};
use crate::cli::paragraph::wrap;
use crate::cli::screen::{Picture, Size, arranged};
use crate::cli::style::Style;
use crate::cli::table::{Cut, shortened};
use crate::error::Error;
use crate::fleet::following::FleetView;

/// How many of the last changes are kept.
const KEPT: usize = 100;
/// How many lines the last changes have at most.
const CHANGES: usize = 6;

const HELP: &str = "q ends, arrows and page keys scroll";

/// A fleet that is followed.
pub(super) struct LiveFleet<'h> {
    name: &'static str,
    view: FleetView,
    heard: &'h Receiver<Result<FleetView, Error>>,
    /// What was heard, and not looked at yet.
    unseen: Vec<FleetView>,
    /// The newest last.
    changes: VecDeque<String>,
    failure: Option<Failure>,
    colours: bool,
}

impl<'h> LiveFleet<'h> {
    pub(super) fn new(
        name: &'static str,
        view: FleetView,
        heard: &'h Receiver<Result<FleetView, Error>>,
        colours: bool,
    ) -> Self {
        Self { name, view, heard, unseen: Vec::new(), changes: VecDeque::new(), failure: None, colours }
    }

    /// How it has ended.
    pub(super) fn end(self) -> Result<Code, Failure> {
        self.failure.map_or(Ok(Code::Fine), Err)
    }

    fn head(&self, width: usize) -> Vec<String> {
        let style = if self.view.lagging.is_empty() { Style::Title } else { Style::Odd };
        let mut lines: Vec<String> = match self.view.fleet.instances() {
            [] => wrap(&nobody(self.name, &self.view), Some(width)).lines().map(str::to_owned).collect(),
            _ => {
                vec![style.paint(&shortened(&summary(self.name, &self.view), width, Cut::End), self.colours)]
            }
        };
        if let Some(error) = &self.view.error {
            let text = format!("this is how it stood: the entries cannot be followed: {}", OneLine(error));
            lines.push(Style::Bad.paint(&shortened(&text, width, Cut::End), self.colours));
        }
        lines.push(String::new());
        lines
    }

    fn tail(&self, Size { width, height }: Size) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.changes.is_empty() {
            lines.extend([String::new(), Style::Title.paint("LAST CHANGES", self.colours)]);
            let count = CHANGES.min(height / 4);
            let last = self.changes.iter().skip(self.changes.len().saturating_sub(count));
            lines.extend(last.map(|line| shortened(line, width, Cut::End)));
        }
        lines.push(String::new());
        lines.push(Style::Faint.paint(&shortened(HELP, width, Cut::End), self.colours));
        lines
    }
}

impl Picture for LiveFleet<'_> {
    fn is_new(&mut self) -> bool {
        while self.failure.is_none() {
            match self.heard.try_recv() {
                Ok(Ok(view)) => self.unseen.push(view),
                Ok(Err(error)) => self.failure = Some(error.into()),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.failure = Some(no_longer_followed()),
            }
        }
        !self.unseen.is_empty()
    }

    fn look(&mut self, _: Instant, time: &str) {
        for view in std::mem::take(&mut self.unseen) {
            let news = between(self.name, &self.view, &view);
            self.changes.extend(news.into_iter().map(|news| format!("{time}  {}", news.text)));
            self.view = view;
        }
        while self.changes.len() > KEPT {
            self.changes.pop_front();
        }
    }

    fn lines(&mut self, size: Size, _: Instant, scrolled: &mut usize) -> Vec<String> {
        let table = match self.view.fleet.instances() {
            [] => Vec::new(),
            _ => fleet_table(&self.view).lines(Some(size.width), self.colours),
        };
        arranged(self.head(size.width), &table, self.tail(size), size.height, scrolled)
    }

    fn is_over(&self) -> bool {
        self.failure.is_some()
    }
}
