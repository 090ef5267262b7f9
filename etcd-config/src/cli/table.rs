//! A table that fits the terminal: what is too wide is cut, and never goes over into the next line.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::paragraph::wrap;
use super::style::Style;

/// Between two columns.
const GAP: usize = 2;

/// How a cell that is too wide is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Never,
    End,
    /// Of names the end says as much as the beginning.
    Middle,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) cut: Cut,
    /// What it is not cut below.
    pub(super) least: usize,
    /// It is left out where the others do not fit.
    pub(super) optional: bool,
}

impl Column {
    pub(super) const fn new(title: &'static str, cut: Cut, least: usize) -> Self {
        Self { title, cut, least, optional: false }
    }

    pub(super) const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// A row, and what is to be said below it. All texts are escaped.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) cells: Vec<(Style, String)>,
    pub(super) notes: Vec<(Style, String)>,
}

/// Rows below the titles of their columns.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

impl Table {
    pub(super) fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// The lines. Without a width nothing is cut.
    pub(super) fn lines(&self, width: Option<usize>, colours: bool) -> Vec<String> {
        let natural: Vec<usize> = (0..self.columns.len()).map(|column| self.widest(column)).collect();
        let widths = match width {
            Some(width) => fit(&self.columns, &natural, width),
            None => natural.into_iter().map(Some).collect(),
        };
        let titles: Vec<_> =
            self.columns.iter().map(|column| (Style::Title, column.title.to_owned())).collect();
        let mut lines = vec![self.line(&titles, &widths, colours)];
        for row in &self.rows {
            lines.push(self.line(&row.cells, &widths, colours));
            for (style, note) in &row.notes {
                let note = wrap(&format!("    {note}"), width);
                lines.extend(note.lines().map(|line| style.paint(line, colours)));
            }
        }
        lines
    }

    fn widest(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.cells.get(column));
        let widest = cells.map(|(_, text)| text.width()).max().unwrap_or(0);
        widest.max(self.columns[column].title.width())
    }

    fn line(&self, cells: &[(Style, String)], widths: &[Option<usize>], colours: bool) -> String {
        let mut line = String::new();
        let mut gap = 0;
        for (((style, text), width), column) in cells.iter().zip(widths).zip(&self.columns) {
            let Some(width) = width else { continue };
            let text = shortened(text, *width, column.cut);
            if !text.is_empty() {
                line.extend(std::iter::repeat_n(' ', gap));
                line.push_str(&style.paint(&text, colours));
                gap = 0;
            }
            gap += width.saturating_sub(text.width()) + GAP;
        }
        line
    }
}

/// The widths of the columns within a width; none for one that is left out.
fn fit(columns: &[Column], natural: &[usize], width: usize) -> Vec<Option<usize>> {
    let mut widths: Vec<Option<usize>> = natural.iter().copied().map(Some).collect();
    loop {
        let mut trial = widths.clone();
        if shrink(columns, &mut trial, width) {
            return trial;
        }
        let last = (0..columns.len()).rev().find(|at| columns[*at].optional && widths[*at].is_some());
        match last {
            Some(last) => widths[last] = None,
            // A terminal that is narrower than that has to break the lines.
            None => return trial,
        }
    }
}

/// Makes the widest of what may be cut narrower until all fit; whether they do.
fn shrink(columns: &[Column], widths: &mut [Option<usize>], width: usize) -> bool {
    loop {
        let shown = widths.iter().flatten();
        let all: usize = shown.clone().sum::<usize>() + GAP * shown.count().saturating_sub(1);
        if all <= width {
            return true;
        }
        let may_shrink = |at: &usize| {
            let (column, now) = (&columns[*at], widths[*at].unwrap_or(0));
            column.cut != Cut::Never && now > column.least.max(column.title.width())
        };
        let widest = (0..columns.len()).filter(may_shrink).max_by_key(|at| widths[*at]);
        match widest.and_then(|at| widths[at].as_mut()) {
            Some(widest) => *widest -= 1,
            None => return false,
        }
    }
}

/// The text in at most `width` columns.
pub(super) fn shortened(text: &str, width: usize, cut: Cut) -> String {
    if cut == Cut::Never || text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let kept_at_end = if cut == Cut::Middle { room / 2 } else { 0 };
    let begin = beginning(text.chars(), room - kept_at_end);
    let end: String = beginning(text.chars().rev(), kept_at_end).chars().rev().collect();
    format!("{begin}…{end}")
}

fn beginning(characters: impl Iterator<Item = char>, width: usize) -> String {
    let mut left = width;
    let fits = |character: &char| {
        let rest = left.checked_sub(character.width().unwrap_or(0));
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    characters.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column::new("FIELD", Cut::Middle, 10),
        Column::new("KEY", Cut::Middle, 10).optional(),
        Column::new("VALUE", Cut::End, 10),
    ];

    fn table(rows: &[[&str; 3]]) -> Table {
        let cells = |row: &[&str; 3]| row.iter().map(|text| (Style::Plain, (*text).to_owned())).collect();
        let rows = rows.iter().map(|row| Row { cells: cells(row), notes: Vec::new() }).collect();
        Table { rows, ..Table::new(&COLUMNS) }
    }

    #[test]
    fn what_fits_is_shown_whole() {
        let table = table(&[["workers", "workers", "12"], ["log_level", "log/level", "größe"]]);
        let lines = "\
FIELD      KEY        VALUE
workers    workers    12
log_level  log/level  größe";
        assert_eq!(table.lines(Some(80), false).join("\n"), lines);
        assert_eq!(table.lines(None, false).join("\n"), lines);
    }

    #[test]
    fn the_widest_is_cut_first_and_a_key_is_left_out_before_all_is_cut_too_much() {
        let long = "x".repeat(60);
        let table = table(&[["database.pool_size", "database/pool_size", &long]]);
        for width in [10, 22, 40, 60, 80, 140] {
            let lines = table.lines(Some(width), false);
            assert!(lines.iter().all(|line| line.width() <= width.max(22)), "{width}: {lines:#?}");
        }
        assert!(table.lines(Some(60), false)[1].starts_with("database.pool_size  database/pool_size  xxx"));
        assert!(!table.lines(Some(24), false)[0].contains("KEY"));
        assert!(!table.lines(None, false)[1].contains('…'));
    }

    #[test]
    fn wide_letters_count_twice() {
        assert_eq!(shortened("日本語", 6, Cut::End), "日本語");
        assert_eq!(shortened("日本語", 5, Cut::End), "日本…");
        assert_eq!(shortened("日本語", 4, Cut::End), "日…");
        assert_eq!(shortened("upstreams.visa.weight", 11, Cut::Middle), "upstr…eight");
    }

    #[test]
    fn colours_do_not_count() {
        let painted = table(&[["workers", "workers", "12"]]).lines(Some(80), true);
        assert!(painted[0].contains("\u{1b}[1mFIELD\u{1b}[0m"));
    }
}
