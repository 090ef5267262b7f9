//! One metric as a picture in SVG: a bar for each subject, and how ours has developed.

use std::fmt::Write as _;

use crate::table::{Spread, short};

/// A subject, and what was found.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) spread: Spread,
}

/// What the picture shows.
pub(super) struct Plot {
    pub(super) title: String,
    pub(super) unit: String,
    /// Ours first.
    pub(super) bars: Vec<Bar>,
    /// What ours may be at most, in the unit.
    pub(super) goal: Option<f64>,
    /// The medians of ours, the oldest first, with their dates.
    pub(super) history: Vec<(String, f64)>,
}

const WIDTH: f64 = 640.0;
const NAMES: f64 = 130.0;
const NUMBERS: f64 = 190.0;
const BAR: f64 = 22.0;
const HEAD: f64 = 28.0;
const HISTORY: f64 = 64.0;
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#222}.head{font-weight:600}.ours{fill:#1f6feb}.peer{fill:#9aa4b1}\
    .line{stroke:#1f6feb;fill:none;stroke-width:2}.spread{stroke:#222;stroke-width:1.5}.goal{stroke:#d1242f;stroke-dasharray:4 3}\
    .goal-name{fill:#d1242f}@media(prefers-color-scheme:dark){text{fill:#e6e6e6}.spread{stroke:#e6e6e6}.peer{fill:#5b6673}}";

impl Plot {
    pub(super) fn svg(&self) -> String {
        let is_developed = self.history.len() > 1;
        let bars = HEAD + BAR * self.bars.len() as f64;
        let height = bars + 10.0 + if is_developed { HISTORY } else { 0.0 };
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             aria-label=\"{title}\"><style>{STYLE}</style>\
             <text class=\"head\" x=\"0\" y=\"16\">{title}</text>",
            title = escaped(&self.title),
        );
        self.draw_bars(&mut svg);
        if is_developed {
            self.draw_history(&mut svg, bars + 10.0);
        }
        svg + "</svg>"
    }

    fn draw_bars(&self, svg: &mut String) {
        let ends = self.bars.iter().map(|bar| bar.spread.to()).chain(self.goal);
        let most = ends.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let x = |value: f64| NAMES + (WIDTH - NAMES - NUMBERS) * value / most;
        for (at, bar) in self.bars.iter().enumerate() {
            let (top, spread) = (HEAD + BAR * at as f64, &bar.spread);
            let (class, base) = (if at == 0 { "ours" } else { "peer" }, top + BAR * 0.7);
            let _ = write!(
                svg,
                "<text x=\"0\" y=\"{base}\">{name}</text>\
                 <rect class=\"{class}\" x=\"{NAMES}\" y=\"{y}\" width=\"{width:.1}\" height=\"{thick}\"/>\
                 <line class=\"spread\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{middle}\" y2=\"{middle}\"/>\
                 <text x=\"{numbers}\" y=\"{base}\">{median} {unit} [{least}..{greatest}]</text>",
                name = escaped(&bar.name),
                y = top + 4.0,
                width = (x(spread.median) - NAMES).max(1.0),
                thick = BAR - 8.0,
                from = x(spread.from()),
                to = x(spread.to()),
                middle = top + BAR / 2.0,
                numbers = WIDTH - NUMBERS + 8.0,
                median = short(spread.median),
                unit = escaped(&self.unit),
                least = short(spread.from()),
                greatest = short(spread.to()),
            );
        }
        if let Some(goal) = self.goal {
            let (x, bottom) = (x(goal), HEAD + BAR * self.bars.len() as f64);
            let _ = write!(
                svg,
                "<line class=\"goal\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>\
                 <text class=\"goal-name\" x=\"{x:.1}\" y=\"{above}\" text-anchor=\"middle\">to reach: {goal}</text>",
                top = HEAD - 4.0,
                above = HEAD - 8.0,
                goal = short(goal),
            );
        }
    }

    fn draw_history(&self, svg: &mut String, top: f64) {
        let most = self.history.iter().map(|(_, median)| *median).fold(f64::MIN_POSITIVE, f64::max);
        let step = (WIDTH - NAMES - NUMBERS) / (self.history.len() - 1) as f64;
        let points: Vec<String> = self
            .history
            .iter()
            .enumerate()
            .map(|(at, (_, median))| {
                let (x, y) = (NAMES + step * at as f64, top + (HISTORY - 20.0) * (1.0 - median / most));
                format!("{x:.1},{y:.1}")
            })
            .collect();
        let day = |at: usize| self.history[at].0.get(..10).unwrap_or_default();
        let (first, last) = (day(0), day(self.history.len() - 1));
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{middle}\">ours until now</text><polyline class=\"line\" points=\"{points}\"/>\
             <text x=\"{NAMES}\" y=\"{below}\">{first}</text>\
             <text x=\"{end}\" y=\"{below}\" text-anchor=\"end\">{last}</text>",
            middle = top + HISTORY / 2.0,
            points = points.join(" "),
            below = top + HISTORY - 4.0,
            end = WIDTH - NUMBERS,
        );
    }
}

/// As text in a document.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
