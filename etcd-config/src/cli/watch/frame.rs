//! What the screen shows: status, values, the last changes, refusals.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use etcd_client_core::{Prefix, Printable};

use crate::cli::paragraph::wrap;
use crate::cli::screen::{Picture, Size, arranged};
use crate::cli::style::Style;
use crate::cli::subject::{Heard, Watched};
use crate::cli::table::{Cut, Table, shortened};
use crate::cli::value_table::value_table;
use crate::explain::difference::difference;
use crate::explain::{Explanation, Row};
use crate::status::Status;

/// How long a change stands out.
const FRESH: Duration = Duration::from_secs(10);
/// How many of the last changes are kept.
const KEPT: usize = 100;
/// How many lines the last changes, and what is refused, have at most.
const CHANGES: usize = 6;
const REFUSED: usize = 6;

const HELP: &str = "q ends, arrows and page keys scroll";

/// What has been seen.
pub(super) struct Seen {
    explanation: Explanation,
    status: Status,
    /// When a field has changed.
    fresh: BTreeMap<String, Instant>,
    /// The newest last.
    changes: VecDeque<String>,
}

/// The screen of a configuration that is followed.
pub(super) struct LiveValues<'w> {
    pub(super) watched: &'w dyn Watched,
    pub(super) heard: &'w Receiver<Heard>,
    pub(super) seen: Seen,
    pub(super) colours: bool,
}

impl Picture for LiveValues<'_> {
    fn is_new(&mut self) -> bool {
        self.heard.try_iter().count() > 0
    }

    fn look(&mut self, now: Instant, time: &str) {
        self.seen.update(self.watched.explain(), self.watched.status(), now, time);
    }

    fn lines(&mut self, size: Size, now: Instant, scrolled: &mut usize) -> Vec<String> {
        self.seen.lines(size, now, self.colours, scrolled)
    }
}

impl Seen {
    pub(super) fn new(explanation: Explanation, status: Status) -> Self {
        Self { explanation, status, fresh: BTreeMap::new(), changes: VecDeque::new() }
    }

    /// There is another state; `time` is what the clock on the wall says.
    fn update(&mut self, explanation: Explanation, status: Status, now: Instant, time: &str) {
        for changed in difference(&self.explanation, &explanation) {
            let revision = changed.revision.unwrap_or(status.snapshot_revision);
            self.changes.push_back(format!("{time}  revision {revision}  {}", changed.line()));
            self.fresh.insert(changed.field, now);
        }
        while self.changes.len() > KEPT {
            self.changes.pop_front();
        }
        self.fresh.retain(|_, since| now.duration_since(*since) < FRESH);
        self.explanation = explanation;
        self.status = status;
    }

    fn lines(&self, size: Size, now: Instant, colours: bool, scrolled: &mut usize) -> Vec<String> {
        let table = self.table(now).lines(Some(size.width), colours);
        let (head, tail) = (self.head(size.width, colours), self.tail(size, colours));
        arranged(head, &table, tail, size.height, scrolled)
    }

    fn head(&self, width: usize, colours: bool) -> Vec<String> {
        let style = if self.status.is_current() { Style::Title } else { Style::Bad };
        let text = self.status.to_string();
        // What is refused comes below.
        let count = if self.status.state.error().is_some() { 4 } else { 2 };
        let lines = text.lines().take(count).enumerate().map(|(number, line)| {
            let line = shortened(line, width, Cut::End);
            if number == 0 { style.paint(&line, colours) } else { line }
        });
        lines.chain(std::iter::once(String::new())).collect()
    }

    fn table(&self, now: Instant) -> Table {
        let rows: Vec<&Row> = self.explanation.rows().iter().collect();
        let problems = self.status.refusal().map(crate::rejection::Rejection::problems).unwrap_or_default();
        let mut table = value_table(&rows, &prefix_of(&self.status), problems);
        for (row, shown) in rows.iter().zip(&mut table.rows) {
            // What is refused has lines of its own, at the bottom.
            shown.notes.clear();
            let since = self.fresh.get(row.field());
            if since.is_some_and(|since| now.duration_since(*since) < FRESH) {
                shown.cells.iter_mut().for_each(|(style, _)| *style = Style::Good);
            }
        }
        table
    }

    fn tail(&self, size: Size, colours: bool) -> Vec<String> {
        let Size { width, height } = size;
        let mut lines = Vec::new();
        let mut section = |title: &str, style: Style, all: Vec<String>| {
            if !all.is_empty() {
                lines.push(String::new());
                lines.push(Style::Title.paint(title, colours));
                lines.extend(all.iter().map(|line| style.paint(line, colours)));
            }
        };
        let refused = self.status.refusal().map(|refusal| {
            let problems = refusal.problems().iter().map(|problem| wrap(&problem.to_string(), Some(width)));
            problems.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        });
        let refused: Vec<String> = refused.into_iter().flatten().take(REFUSED).collect();
        section("REFUSED", Style::Bad, refused);
        let count = CHANGES.min(height / 4);
        let last = self.changes.iter().skip(self.changes.len().saturating_sub(count));
        let last = last
            .map(|line| shortened(&Printable::line(line).at_most(usize::MAX).to_string(), width, Cut::End));
        section("LAST CHANGES", Style::Plain, last.collect());
        lines.push(String::new());
        lines.push(Style::Faint.paint(&shortened(HELP, width, Cut::End), colours));
        lines
    }
}

/// The prefix with its layers.
fn prefix_of(status: &Status) -> Prefix {
    let lowest = Prefix::new(&status.prefix);
    let joined = status.layers.iter().try_fold(lowest.clone(), |all, layer| all.and(&Prefix::new(layer)));
    // They are joined in the process that has them.
    joined.unwrap_or(lowest)
}
